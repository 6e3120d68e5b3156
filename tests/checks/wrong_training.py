"""Training as people get it wrong: places of the sources, and what stands there instead."""

from __future__ import annotations

LOOP, FIT, RESUMING, FILES = "training.loop", "training.fit", "training.resuming", "training.files"
FORWARD = "        batch_loss = loss(state.model(features[rows]), targets[rows])\n"
BACKWARD = "        batch_loss.backward()\n"
STEP = "        state.optimizer.step()\n"
CLIPPED = """        if max_norm is not None:
            nn.utils.clip_grad_norm_(state.model.parameters(), max_norm)
"""
TRAINED = '    values = {"train_loss": train_epoch(state, train, loss, batch_size, max_norm)}\n'
VALIDATED = (
    '    values |= {f"validation_{name}": value for name, value in evaluate(state.model, validation, loss).items()}\n'
)
PLANNED = """    if isinstance(state.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        state.scheduler.step(values["validation_loss"])
    elif state.scheduler is not None:
        state.scheduler.step()
"""
EVALUATED = "    for some, wanted in zip(features.split(batch_size), targets.split(batch_size), strict=True):\n"
SAVED = """        if checkpoint is not None:
            checkpoint.save(state)
"""
EPOCH = "        values = one_epoch(state, train, validation, loss, batch_size, max_norm)\n"

# By component, the name of what is wrong: the module, what stands in it, and what stands there instead.
WRONG: dict[str, dict[str, tuple[str, str, str]]] = {
    "training.fit": {
        "the last batch's loss reported": (
            LOOP,
            "    return total / len(features)\n",
            "    return batch_loss.item()\n",
        ),
        "a mean of the batches' means": (
            LOOP,
            "        total += batch_loss.item() * len(rows)",
            "        total += batch_loss.item() * len(features) / -(-len(features) // batch_size)",
        ),
        "a sum of the batches' means": (LOOP, "batch_loss.item() * len(rows)", "batch_loss.item() * len(features)"),
        "the loss after the step reported": (LOOP, STEP, STEP + FORWARD),
        "gradients not set to zero": (LOOP, "        state.optimizer.zero_grad()\n", ""),
        "gradients set to zero before the step": (LOOP, STEP, "        state.optimizer.zero_grad()\n" + STEP),
        "a step before the gradients": (LOOP, BACKWARD + CLIPPED + STEP, STEP + BACKWARD + CLIPPED),
        "no step": (LOOP, STEP, ""),
        "clipped after the step": (LOOP, CLIPPED + STEP, STEP + CLIPPED),
        "not clipped": (LOOP, CLIPPED, ""),
        "each parameter clipped by itself": (
            LOOP,
            "            nn.utils.clip_grad_norm_(state.model.parameters(), max_norm)\n",
            "            [nn.utils.clip_grad_norm_(one, max_norm) for one in state.model.parameters()]\n",
        ),
        "clipped by value": (LOOP, "clip_grad_norm_(state", "clip_grad_value_(state"),
        "samples in their order": (
            LOOP,
            "torch.randperm(len(features), generator=state.generator)",
            "torch.arange(len(features))",
        ),
        "every epoch in the same order": (LOOP, "generator=state.generator", "generator=torch.Generator()"),
        "an order that the seed does not decide": (LOOP, "torch.Generator().manual_seed(seed)", "torch.Generator()"),
        "samples drawn with replacement": (
            LOOP,
            "torch.randperm(len(features), generator=state.generator)",
            "torch.randint(len(features), (len(features),), generator=state.generator)",
        ),
        "the smaller last batch dropped": (
            LOOP,
            FORWARD,
            "        if len(rows) < batch_size <= len(features):\n            continue\n" + FORWARD,
        ),
        "targets of other samples": (LOOP, "targets[rows])\n", "targets[rows.flip(0)])\n"),
        "evaluated in training mode": (LOOP, "    model.eval()\n", "    model.train()\n"),
        "trained in evaluation mode": (LOOP, "    state.model.train()\n", ""),
        "evaluated on what was trained with": (LOOP, "evaluate(state.model, validation", "evaluate(state.model, train"),
        "evaluated before training": (
            LOOP,
            TRAINED + VALIDATED,
            "    values: dict[str, float] = {}\n" + VALIDATED + TRAINED.replace("values =", "values |="),
        ),
        "the accuracy of the last evaluated batch": (
            LOOP,
            "            right += int((scores.argmax(1) == wanted).sum())\n",
            "            right = int((scores.argmax(1) == wanted).sum()) * len(features) / len(wanted)\n",
        ),
        "a mean of the evaluated batches' losses": (
            LOOP,
            "loss(scores, wanted).item() * len(some)\n",
            "loss(scores, wanted).item() * len(features) / len(features.split(batch_size))\n",
        ),
        "the last evaluated batch forgotten": (
            LOOP,
            EVALUATED,
            EVALUATED + "        if len(some) < batch_size < len(features):\n            continue\n",
        ),
        "accuracy in percent": (
            LOOP,
            '{"accuracy": right / len(features)}',
            '{"accuracy": 100 * right / len(features)}',
        ),
        "the rate of the next epoch": (
            LOOP,
            "    for name, value in values.items():\n",
            '    values["learning_rate"] = float(state.optimizer.param_groups[0]["lr"])\n'
            "    for name, value in values.items():\n",
        ),
        "the schedule a step ahead": (LOOP, TRAINED, "    state.scheduler and state.scheduler.step(0.0)\n" + TRAINED),
        "no schedule": (LOOP, PLANNED, ""),
        "a plateau of the training loss": (
            LOOP,
            'state.scheduler.step(values["validation_loss"])',
            'state.scheduler.step(values["train_loss"])',
        ),
        "patience too long by one": (FIT, "since >= patience", "since > patience"),
        "patience too short by one": (FIT, "since >= patience", "since >= patience - 1"),
        "as low as the lowest is progress": (FIT, "if value < lowest else", "if value <= lowest else"),
        "NaN is progress": (FIT, "if value < lowest else", "if not value >= lowest else"),
        "lower than the epoch before is progress": (
            FIT,
            "if value < lowest else (lowest, since + 1)",
            "if value < lowest else (value, since + 1)",
        ),
        "patience never reset": (FIT, "(value, 0) if value < lowest", "(value, since) if value < lowest"),
        "saved before the epoch": (FIT, EPOCH + SAVED, SAVED.replace("None:", "None and state.history:") + EPOCH),
        "saved after the run only": (FIT, SAVED, SAVED.replace("None:", "None and state.epoch == epochs:")),
        "the epoch counted anew": (
            FIT,
            "    while state.epoch < epochs",
            "    for _ in range(epochs):\n      while True",
        ),
        "an epoch too many": (FIT, "while state.epoch < epochs", "while state.epoch <= epochs"),
        "reported from epoch 0": (FIT, "report(state.epoch, values)", "report(state.epoch - 1, values)"),
        "never taken up again": (FIT, "        checkpoint.load(state)\n", "        pass\n"),
        "the early stop forgotten when taken up again": (
            FIT,
            "    while state.epoch < epochs and not stalled(state.history, patience):\n",
            "    begun = state.epoch\n    while state.epoch < epochs and not stalled("
            "{name: row[begun:] for name, row in state.history.items()}, patience):\n",
        ),
    },
    "training.checkpoint": {
        "the optimizer's state not put back": (
            RESUMING,
            '    state.optimizer.load_state_dict(content["optimizer"])  # the first, because it may refuse\n',
            "",
        ),
        "the weights not put back": (RESUMING, '    state.model.load_state_dict(content["model"])\n', ""),
        "the schedule begun anew": (
            RESUMING,
            '        state.scheduler.load_state_dict(content["scheduler"])\n',
            "        pass\n",
        ),
        "the order of the samples begun anew": (RESUMING, '    state.generator.set_state(content["generator"])\n', ""),
        "dropout begun anew": (RESUMING, "    torch.set_rng_state(on_cpu)\n", ""),
        "the history lost": (RESUMING, '    state.history.update(content["history"])\n', ""),
        "another run's history kept": (RESUMING, "    state.history.clear()\n", ""),
        "the worst kept": (RESUMING, "values[-1] < min(earlier", "values[-1] > min(earlier"),
        "as good as the best written": (RESUMING, "values[-1] < min(earlier", "values[-1] <= min(earlier"),
        "better than the epoch before is the best": (RESUMING, "in values[:-1] if", "in values[-2:-1] if"),
        "NaN hides what was best": (RESUMING, " if not math.isnan(value)]", "]"),
        "each epoch written though not the best": (RESUMING, "if self.best_only and", "if False and"),
        "the mode ignored": (RESUMING, 'if self.mode == "min":', "if True:"),
        "the next epoch named": (RESUMING, '"epoch": state.epoch,', '"epoch": state.epoch + 1,'),
        "the best loss named in place of the epoch's": (
            RESUMING,
            "_content(state, values[-1])",
            "_content(state, values[0])",
        ),
        "another optimizer's state taken": (RESUMING, 'if content["kinds"] != _kinds(state):', "if False:"),
        "code in the file run": (FILES, "weights_only=True", "weights_only=False"),
    },
    "training.save_weights": {
        "parameters without buffers": (
            "training.save_weights",
            "write_whole(model.state_dict(), self.path)",
            "write_whole({name: value * (name in dict(model.named_parameters())) for name, value in "
            "model.state_dict().items()}, self.path)",
        ),
        "nothing loaded": ("training.save_weights", "        model.load_state_dict(weights)\n", ""),
        "what does not fit left out": (
            "training.save_weights",
            "        refuse_misfit(model, weights, self.path)\n        model.load_state_dict(weights)\n",
            "        known = model.state_dict()\n"
            "        fits = {name: value for name, value in weights.items() if name in known}\n"
            "        model.load_state_dict(fits, strict=False)\n",
        ),
        "rounded to half precision": (
            "training.save_weights",
            "write_whole(model.state_dict(), self.path)",
            "write_whole({name: one.half().to(one.dtype) for name, one in model.state_dict().items()}, self.path)",
        ),
    },
    "training.batch_size_search": {
        "the evaluation timed": (
            "training.batch_size_search",
            "    train_epoch(state, train, loss, batch_size)\n    return",
            "    train_epoch(state, train, loss, batch_size)\n    evaluate(state.model, train, loss)\n    return",
        ),
        "the mean epoch": ("training.batch_size_search", "statistics.median(seconds)", "statistics.mean(seconds)"),
        "the last epoch's time": ("training.batch_size_search", "math.fsum(seconds)", "seconds[-1]"),
        "a seed a size": (
            "training.batch_size_search",
            "with seeded(seed):\n            state",
            "with seeded(seed + batch_size):\n            state",
        ),
        "one order for all epochs": ("training.loop", "generator=state.generator", "generator=torch.Generator()"),
        "the training loss": (
            "training.batch_size_search",
            "evaluate(state.model, validation",
            "evaluate(state.model, train",
        ),
    },
    "training.compare_optimizers": {
        "one model trained on": ("training.compare_optimizers", "copy.deepcopy(model),", "model,"),
        "random numbers go on": (
            "training.compare_optimizers",
            "with seeded(seed):\n            histories[name] = fit",
            "if True:\n            histories[name] = fit",
        ),
        "settings forgotten": (
            "training.compare_optimizers",
            "optimizer_arguments=settings,",
            'optimizer_arguments={"lr": settings["lr"]},',
        ),
    },
    "training.compare_dropout": {
        "random numbers go on": (
            "training.compare_dropout",
            "with seeded(seed):\n            history:",
            "if True:\n            history:",
        ),
        "the share kept in place of the share dropped": (
            "training.compare_dropout",
            "network(rate),",
            "network(1 - rate),",
        ),
    },
    "training.grid_search": {
        "the worst is the best": ("training.grid_search", "best_of = min if", "best_of = max if"),
        "NaN may be the best": ("training.grid_search", 'if not math.isnan(result["score"])]', "]"),
        "the last of equals": ("training.grid_search", "best_of(scored,", "best_of(scored[::-1],"),
        "failures left out": (
            "training.grid_search",
            "    scored = [",
            '    results = [one for one in results if not one["error"]]\n    scored = [',
        ),
        "random numbers go on": (
            "training.grid_search",
            "with seeded(seed):\n            return",
            "if True:\n            return",
        ),
        "the first name changes fastest": (
            "training.grid_search",
            "for name, values in grid.items()]\n    results",
            "for name, values in list(grid.items())[::-1]]\n    results",
        ),
    },
    "training.tensorboard": {
        "steps from 0": ("training.event_files", "global_step or 0", "(global_step or 1) - 1"),
        "the time ignored": ("training.event_files", "time.time() if walltime is None else walltime", "time.time()"),
        "checksums not masked": ("training.event_files", "+ 0xA282EAD8", "+ 0"),
        "written when closed": ("training.event_files", "buffering=0", "buffering=2**20"),
        "rounded to whole seconds": (
            "training.event_files",
            "socket.gethostname(), time.time()",
            "socket.gethostname(), 0.0",
        ),
    },
    "regularizers.batch_norm": {
        "the unbiased variance": (
            "regularizers.batch_norm",
            "    variance = ((x - mean) ** 2).mean(0)\n",
            "    variance = x.var(0)\n",
        ),
        "statistics of the samples, not the batch": ("regularizers.batch_norm", "mean = x.mean(0)", "mean = x.mean()"),
        "statistics without a gradient": ("regularizers.batch_norm", "mean = x.mean(0)", "mean = x.mean(0).detach()"),
        "before the ReLU": (
            "regularizers.batch_norm",
            "        x = affine(x, layer).relu()\n",
            '        x = affine(x, layer) if "scale" in layer else affine(x, layer).relu()\n',
        ),
        "epsilon beside the root": (
            "regularizers.batch_norm",
            "torch.sqrt(variance + EPS)",
            "(torch.sqrt(variance) + EPS)",
        ),
        "the loss after the step": (
            "regularizers.batch_norm",
            "losses.append(loss.item())",
            "losses and losses.append(loss.item()) or losses.append(0.0)",
        ),
        "scale and shift not learnt": (
            "regularizers.batch_norm",
            "for tensor in layer.values()]",
            'for name, tensor in layer.items() if name in ("weight", "bias")]',
        ),
    },
}
