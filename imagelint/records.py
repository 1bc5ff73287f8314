"""`typing`'s NamedTuple and TYPE_CHECKING for what every run imports, without `typing`; and a faster cached_property.

typing looks at each annotation when a class is made; fifty small classes, and the module itself, would take a fifth of
the time in which a Dockerfile is linted. Type checkers see typing's own.
"""

TYPE_CHECKING = False  # type checkers take the name for true, wherever it is from

if TYPE_CHECKING:
    from functools import cached_property as cached_property
    from typing import NamedTuple as NamedTuple
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
