"""torch's writer of event files, which needs TensorBoard."""

try:
    from torch.utils.tensorboard import SummaryWriter
except ModuleNotFoundError as error:
    if error.name != "tensorboard":
        raise
    raise ImportError("TensorBoard is not installed: pip install 'nnbench-harness[tensorboard]'") from None

__all__ = ["SummaryWriter"]
