"""Loops are compiled with and without a place for their machine code."""

from alveus import compiled


def test_loops_compile_where_machine_code_cannot_be_kept(monkeypatch):
    def njit(*, cache=False, **_):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compiled, "njit", njit)
    assert compiled.compiled(abs) is abs
