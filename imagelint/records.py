"""`typing`'s NamedTuple, Protocol and TYPE_CHECKING for what every run imports, without `typing`; and lean versions of
a frozen dataclass and of cached_property.

typing looks at each annotation when a class is made, and dataclasses compile code for each; fifty small classes, and
the modules themselves, would take a fifth of the time in which a Dockerfile is linted. Type checkers see the real ones.
"""

TYPE_CHECKING = False  # type checkers take the name for true, wherever it is from

if TYPE_CHECKING:
    from functools import cached_property as cached_property
    from typing import NamedTuple as NamedTuple
    from typing import Protocol as Protocol
    from typing import TypeVar, dataclass_transform

    _Class = TypeVar("_Class")

    @dataclass_transform(frozen_default=True)
    def record(cls: type[_Class]) -> type[_Class]:
        """A frozen dataclass, for what a named tuple is wrong for: fields called `index`, or a length of its own."""
        ...
else:
    from collections import namedtuple

    def _annotated(body):
        """The names that a class body annotates, in order.

        From Python 3.14 on there is a function to ask instead, unless the module has `from __future__ import
        annotations`. It is asked for the values (1), which are all there: earlier versions evaluate them here too.
        """
        if "__annotations__" in body:
            return body["__annotations__"]
        annotate = body.get("__annotate__") or body.get("__annotate_func__")
        return annotate(1) if annotate is not None else ()

    class _Maker(type):
        """Makes a named tuple of a class body: annotations are the fields, their values the defaults."""

        def __new__(cls, name, bases, body):
            fields = list(_annotated(body))
            if not bases:
                return super().__new__(cls, name, bases, body)
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024 - the real one
            for key, value in body.items():
                if key not in fields and key not in ("__module__", "__qualname__", "__classcell__"):
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """What a named tuple is declared with; nothing is left of it in the class that is made."""

    class Protocol:
        """Only type checkers look at protocols."""

    def record(cls):
        """Gives a class whose body annotates its fields an `__init__`, and compares and shows it by these."""
        names = tuple(_annotated(cls.__dict__))
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}

        def __init__(self, *values, **named):  # noqa: N807
            given = {**defaults, **dict(zip(names, values, strict=False)), **named}
            if len(values) > len(names) or len(given) != len(names) or not given.keys() <= set(names):
                raise TypeError(f"{cls.__name__} takes {', '.join(names)}")
            self.__dict__.update(given)

        def frozen(*_):
            raise AttributeError(f"{cls.__name__} does not change")

        def fields(self):
            return tuple(self.__dict__[name] for name in names)

        cls.__init__, cls.__setattr__ = __init__, frozen
        cls.__eq__ = lambda self, other: type(other) is cls and fields(self) == fields(other)
        cls.__hash__ = lambda self: hash(fields(self))
        shown = lambda self: ", ".join(map("{}={!r}".format, names, fields(self)))  # noqa: E731
        cls.__repr__ = lambda self: f"{cls.__name__}({shown(self)})"
        return cls

    class cached_property:  # noqa: N801 - as functools calls its own
        """functools' own takes a lock, before Python 3.12, to compute what takes no longer than the lock."""

        def __init__(self, function):
            self._function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, owner, name):
            self._name = name

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            value = instance.__dict__[self._name] = self._function(instance)
            return value
