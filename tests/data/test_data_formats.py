"""Reading IDX and CIFAR's binary batches, and rebuilding the latter."""

import numpy as np
import pytest
from tiny_data import idx_bytes, write_sprites

from nnbench.data import formats


@pytest.fixture
def photographs():
    """Twelve images and labels: five batches of two, and two for the test."""
    random = np.random.RandomState(0)
    return random.randint(0, 256, (12, 32, 32, 3)).astype(np.uint8), random.randint(0, 10, 12).tolist()


def test_idx_is_read_in_row_major_order(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(idx_bytes((2, 1, 3), [1, 2, 3, 4, 5, 6]))
    assert formats.read_idx(path).tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an IDX file"),
        (b"\x1f\x8b\x08\x00 still packed", "not an IDX file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "not an IDX file of unsigned bytes"),
        (idx_bytes((3,), [1, 2]), r"promises \(3,\) values and has 2"),
        (idx_bytes((1,), [1, 2]), r"promises \(1,\) values and has 2"),
    ],
)
def test_what_is_not_idx_is_refused(tmp_path, content, said):
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        formats.read_idx(path)


def test_a_binary_record_is_a_label_and_three_planes():
    image = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    image[0, 0, 1] = [10, 20, 30]  # first row, second column
    record = formats.cifar_records(image, [7])[0]
    assert record.shape == (3073,)
    assert (record[0], record[2], record[1024 + 2], record[2048 + 2]) == (7, 10, 20, 30)
    assert record.sum() == 67


def test_binary_batches_are_read_as_they_were_written(tmp_path, photographs):
    images, labels = photographs
    formats.write_cifar(images, labels, tmp_path, ["one.bin", "two.bin"])
    assert (tmp_path / "one.bin").stat().st_size == 6 * 3073
    read, read_labels = formats.read_cifar([tmp_path / "one.bin", tmp_path / "two.bin"])
    assert (read == images).all()
    assert read.flags.c_contiguous
    assert read_labels.tolist() == labels


def test_half_a_record_is_refused(tmp_path):
    (tmp_path / "batch.bin").write_bytes(bytes(3073 + 100))
    with pytest.raises(ValueError, match="not a whole number of records"):
        formats.read_cifar([tmp_path / "batch.bin"])


def test_sprites_are_rebuilt_into_binary_batches(tmp_path, photographs):
    images, labels = photographs
    write_sprites(tmp_path, images, labels)
    formats.rebuild_cifar(tmp_path, tmp_path)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    expected = formats.cifar_records(images, labels)
    for k, name in enumerate(names):
        assert (tmp_path / name).read_bytes() == expected[2 * k : 2 * k + 2].tobytes()


def test_a_picture_of_another_width_is_refused(tmp_path):
    from PIL import Image

    Image.new("RGB", (32, 32)).save(tmp_path / "data_batch_1.png")
    with pytest.raises(ValueError, match=r"data_batch_1.png is RGB, 32 pixels wide; expected RGB, 1024"):
        formats.read_sprite(tmp_path / "data_batch_1.png")
