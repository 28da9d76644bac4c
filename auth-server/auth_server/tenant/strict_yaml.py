"""The YAML of the tenant file: no member repeats, and `${NAME:-value}` in a text stands for a variable.

A problem is a sentence with its line.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

# As in a Compose file: `$${` stands for the characters `${`.
_VARIABLE = re.compile(r"(?P<literal>\$)?\$\{(?:(?P<name>[A-Za-z_]\w*)(?P<default>:-[^}]*)?\})?")
_TEXT = "tag:yaml.org,2002:str"
# A text with one of these characters may mean something else to libyaml, which also accepts more.
_READ_ALIKE = re.compile("[^\t!%?\x85\u2028\u2029\ufeff]*")
_LibYaml: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML can be built without it


class _VariableError(Exception):
    """A variable is not written as one, or has no value."""


class YamlProblemError(Exception):
    """A file is not YAML as we read it; the message says why and what to do."""


def read_yaml(file: Path, variables: Mapping[str, str]) -> Any:
    """Return the document in a file, with the values of the variables in it; raise YamlProblemError."""
    try:
        return _read(file.read_text("utf-8"), variables)
    except OSError as error:
        raise YamlProblemError(f"cannot be read ({error.strerror}); make it readable") from None
    except UnicodeDecodeError:
        raise YamlProblemError("is not UTF-8; save it as UTF-8") from None
    except RecursionError:
        raise YamlProblemError("is nested too deeply; correct it") from None
    except (ValueError, yaml.YAMLError) as error:
        raise YamlProblemError(f"{_in_words(error)}; correct it") from None


def _read(text: str, variables: Mapping[str, str]) -> Any:
    if _READ_ALIKE.fullmatch(text):
        with suppress(yaml.YAMLError):  # whose words the other loader knows better
            return _FastLoader(text, variables).get_single_data()
    return _TenantLoader(text, variables).get_single_data()


class _StrictComposer(yaml.composer.Composer):
    """YAML with variables, and with unique members: of two, PyYAML silently takes the last."""

    variables: Mapping[str, str]

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if node.tag == _TEXT and "$" in node.value:
            try:
                node.value = _VARIABLE.sub(self._value, node.value)
            except _VariableError as error:
                raise yaml.composer.ComposerError(None, None, str(error), node.start_mark) from None
        return node

    def _value(self, found: re.Match[str]) -> str:
        name = found["name"]
        if found["literal"]:
            return found[0][1:]
        if not name:
            raise _VariableError("a variable is written ${NAME} or ${NAME:-value}, and the text ${ as $${")
        value = self.variables.get(name)
        if value:
            return value
        if found["default"]:
            return found["default"][2:]
        raise _VariableError(f"{name} is not set; set it, or write ${{{name}:-value}}")

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Not in construct_mapping: there, what `<<` merges stands beside the members that override it.
        node = super().compose_mapping_node(anchor)
        names: list[tuple[str, Any]] = []
        for key, _ in node.value:
            if (key.tag, key.value) in names:
                raise yaml.composer.ComposerError(None, None, f"{key.value} repeats", key.start_mark)
            names.append((key.tag, key.value))
        return node


class _TenantLoader(_StrictComposer, yaml.SafeLoader):
    """Reads in Python alone."""

    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        yaml.SafeLoader.__init__(self, text)
        self.variables = variables


class _FastLoader(_StrictComposer, _LibYaml):  # type: ignore[misc]
    """Parses with libyaml, in a third of the time, and composes in Python, which bounds the depth."""

    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        _LibYaml.__init__(self, text)
        yaml.composer.Composer.__init__(self)
        self.variables = variables


def _in_words(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        in_brackets = str(error.problem).endswith("but got '{'")
        hint = "; between brackets or braces, a text with ${ needs quotes" if in_brackets else ""
        return f"line {error.problem_mark.line + 1}: {error.problem}{hint}"
    return f"is not YAML ({' '.join(str(error).split())})"
