"""Tables written to files of a test's folder, and what is read of them."""

from __future__ import annotations

import pyarrow as pa

from chainfit._tables.files.table_file import open_table

PLAIN = b"x,y\n1,a\n2,b\n"


def write(name, data):
    with open(name, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return name


def read(data, name="t.csv", **given):
    """The columns of a file, as lists; those of its blocks must be the same."""
    with open_table(write(name, data), **given) as file:
        table = file.read()
        blocks = [block.select(file.names) for block in file.blocks(3)]
        assert all(0 < block.num_rows <= 3 for block in blocks)
        if blocks:
            assert pa.concat_tables(blocks).to_pydict() == table.to_pydict()
        assert file.names == table.column_names
        return table.to_pydict()


def opened(data, name="t.csv", **given):
    with open_table(write(name, data), **given) as file:
        return file
