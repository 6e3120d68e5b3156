"""Event files: their bytes by the specification, read back by our reader and, where it is installed, by TensorBoard."""

import importlib.util
import math
import struct

import numpy as np
import pytest
import torch
from keras_support import needs_keras
from nnbench.suites.training.event_files import EventWriter, checksum, crc32c
from nnbench.suites.training.event_reader import read_scalars, read_starts, read_wall_times
from nnbench.suites.training.fit import fit
from nnbench.suites.training.samples import perceptron, split

import nnbench
from nnbench.failures import MissingPackage

COMPONENT = nnbench.component("training.tensorboard")
HAS_TENSORBOARD = importlib.util.find_spec("tensorboard") is not None
needs_tensorboard = pytest.mark.skipif(not HAS_TENSORBOARD, reason="tensorboard is not installed")

VALUES = [0.5, -0.0, 1e-45, 3.4e38, 1 / 3, math.inf, -math.inf, math.nan]
STEPS = [0, 1, 127, 128, 300, 2**31, 2**62, -1]


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # this one and the next three: RFC 3720, appendix B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_checksums_are_castagnolis(data, crc):
    assert crc32c(data) == crc


def test_a_record_has_the_bytes_that_the_specification_gives_it(tmp_path):
    with EventWriter(tmp_path) as writer:
        start = sum(path.stat().st_size for path in tmp_path.iterdir())
        writer.add_scalar("a", 1.0, 300, walltime=2.0)
    (path,) = tmp_path.iterdir()
    value = bytes([0x0A, 1]) + b"a" + bytes([0x15]) + struct.pack("<f", 1.0)
    summary = bytes([0x0A, len(value)]) + value
    event = bytes([0x09]) + struct.pack("<d", 2.0) + bytes([0x10, 0xAC, 0x02, 0x2A, len(summary)]) + summary
    record = path.read_bytes()[start:]
    assert record[:8] == struct.pack("<Q", len(event))
    assert record[12:-4] == event
    assert (record[8:12], record[-4:]) == (checksum(record[:8]), checksum(event))


def test_a_file_starts_with_its_version_and_is_named_so_that_tensorboard_finds_it(tmp_path):
    EventWriter(tmp_path, filename_suffix=".here").close()
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("events.out.tfevents.")
    assert path.name.endswith(".here")
    assert path.read_bytes()[21:-4] == bytes([0x1A, 13]) + b"brain.Event:2"


def test_scalars_come_back_as_float32(tmp_path):
    with EventWriter(tmp_path) as writer:
        for step, value in zip(STEPS, VALUES, strict=True):
            writer.add_scalar("Verlust/β", value, step)
    found = read_scalars(tmp_path)
    assert [scalar.step for scalar in found] == STEPS
    assert {scalar.tag for scalar in found} == {"Verlust/β"}
    np.testing.assert_array_equal([scalar.value for scalar in found], np.array(VALUES, dtype=np.float32))


def test_what_is_written_can_be_read_before_the_writer_is_closed(tmp_path):
    writer = EventWriter(tmp_path)
    for epoch in range(3):
        writer.add_scalar("loss", torch.tensor(epoch), epoch)
        assert len(read_scalars(tmp_path)) == epoch + 1
    writer.flush()
    writer.close()


def test_two_writers_in_one_folder_have_files_of_their_own(tmp_path):
    with EventWriter(tmp_path) as first, EventWriter(tmp_path) as second:
        first.add_scalar("loss", 1.0, 1)
        second.add_scalar("loss", 2.0, 2)
    assert len(list(tmp_path.iterdir())) == 2
    assert {scalar.value for scalar in read_scalars(tmp_path)} == {1.0, 2.0}


def test_without_a_folder_it_writes_where_torchs_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    EventWriter(comment="_first").close()
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_first")
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize("place", [3, 9, 20, -10, -1])
def test_a_damaged_record_is_noticed(tmp_path, place):
    with EventWriter(tmp_path) as writer:
        writer.add_scalar("loss", 1.0, 1)
    (path,) = tmp_path.iterdir()
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="does not have the checksums"):
        read_scalars(tmp_path)


def test_what_is_not_supported_is_refused(tmp_path):
    with pytest.raises(NotImplementedError, match="purge_step=3"):
        EventWriter(tmp_path, purge_step=3)
    with EventWriter(tmp_path) as writer:
        for name in ("new_style", "double_precision"):
            with pytest.raises(NotImplementedError, match=name):
                writer.add_scalar("loss", 1.0, 1, **{name: True})
    with pytest.raises(ValueError, match="closed"):
        writer.add_scalar("loss", 1.0, 1)
    assert read_scalars(tmp_path) == []


def test_training_reports_each_epoch_to_it(tmp_path):
    generator = torch.Generator().manual_seed(0)
    data = split(torch.randn(30, 4, generator=generator), torch.randint(3, (30,), generator=generator))
    with EventWriter(tmp_path) as writer:

        def report(epoch, values):
            for name, value in values.items():
                writer.add_scalar(name, value, epoch)

        history = fit(perceptron([torch.randn(3, 4, generator=generator)]), *data, epochs=3, report=report)
    found = read_scalars(tmp_path)
    for name, values in history.items():
        written = [(scalar.step, scalar.value) for scalar in found if scalar.tag == name]
        assert written == [(epoch, float(np.float32(value))) for epoch, value in enumerate(values, start=1)]


@pytest.mark.skipif(HAS_TENSORBOARD, reason="tensorboard is installed")
def test_without_tensorboard_torchs_writer_is_missing_and_ours_is_not(tmp_path):
    with pytest.raises(MissingPackage, match="tensorboard"):
        COMPONENT.variant("torch").build(log_dir=tmp_path)
    COMPONENT.reference.build(log_dir=tmp_path).close()


@needs_tensorboard
@pytest.mark.parametrize("name", ["reference", "torch"])
def test_tensorboard_and_our_reader_read_the_same(tmp_path, name):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    writer = COMPONENT.variant(name).build(log_dir=str(tmp_path))
    for step, value in enumerate(VALUES):
        writer.add_scalar("loss/train", value, step, walltime=1000.0 + step)
        writer.add_scalar("rate", value, 2 * step)
    writer.close()
    theirs = EventAccumulator(str(tmp_path)).Reload()
    assert sorted(theirs.Tags()["scalars"]) == ["loss/train", "rate"]
    for tag in ("loss/train", "rate"):
        ours = [(scalar.step, scalar.value) for scalar in read_scalars(tmp_path) if scalar.tag == tag]
        np.testing.assert_array_equal([(event.step, event.value) for event in theirs.Scalars(tag)], ours)
        np.testing.assert_array_equal([value for _, value in ours], np.array(VALUES, dtype=np.float32))
    assert [event.wall_time for event in theirs.Scalars("loss/train")] == [1000.0 + step for step in range(len(VALUES))]


@needs_keras
@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_what_keras_callback_writes_differs_in_its_tags_and_folders(tmp_path):
    writer = COMPONENT.variant("keras").build(log_dir=tmp_path)
    for epoch, value in enumerate(VALUES[:4], start=1):
        writer.add_scalar("loss", value, epoch)
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["train"]
    expected = [("epoch_loss", epoch, float(np.float32(value))) for epoch, value in enumerate(VALUES[:4], start=1)]
    assert read_scalars(tmp_path) == expected


VERSION_EVENT = bytes([0x1A, 13]) + b"brain.Event:2"


def record_of(event):
    length = struct.pack("<Q", len(event))
    return length + checksum(length) + event + checksum(event)


@pytest.mark.parametrize("first", [b"", record_of(VERSION_EVENT.replace(b":2", b":1"))])
def test_a_file_that_does_not_begin_with_its_version_is_refused(tmp_path, first):
    event = bytes([0x10, 7])
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(first + record_of(event))
    with pytest.raises(ValueError, match=r"tfevents\.1 does not begin with its version, brain\.Event:2"):
        read_scalars(tmp_path)
    path.write_bytes(record_of(VERSION_EVENT) + record_of(event))
    assert read_scalars(tmp_path) == []


def test_wall_times_come_back(tmp_path):
    with EventWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("loss", 0.5, step, walltime=1000.25 - step)
    assert read_wall_times(tmp_path) == [1000.25, 999.25, 998.25]


def test_each_file_says_when_it_was_begun(tmp_path):
    (tmp_path / "events.out.tfevents.0").touch()
    (tmp_path / "events.out.tfevents.1").write_bytes(record_of(bytes([9]) + struct.pack("<d", 2.5) + VERSION_EVENT))
    assert read_starts(tmp_path) == [2.5]


def test_a_number_that_takes_more_bytes_than_it_needs_is_refused(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(record_of(VERSION_EVENT) + record_of(bytes([0x10, 0x80 | 7, 0])))
    with pytest.raises(ValueError, match="takes 2 bytes, more than it needs"):
        read_scalars(tmp_path)


def test_a_scalar_in_tensorflows_second_form_is_read(tmp_path):
    """A tensor of one float32, its number in float_val or in tensor_content."""
    for place, tensor in enumerate((bytes([8, 1, 0x2A, 4]), bytes([8, 1, 0x22, 4]))):
        tensor += struct.pack("<f", 0.25)
        value = bytes([0x0A, 1]) + b"a" + bytes([0x42, len(tensor)]) + tensor
        summary = bytes([0x0A, len(value)]) + value
        event = bytes([0x10, 7, 0x2A, len(summary)]) + summary
        folder = tmp_path / str(place) / "train"
        folder.mkdir(parents=True)
        (folder / "events.out.tfevents.1").write_bytes(record_of(VERSION_EVENT) + record_of(event))
        assert read_scalars(tmp_path / str(place)) == [("a", 7, 0.25)]
