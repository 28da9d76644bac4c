"""YAML without repeated members, for the tenant file; a problem is a sentence with its line."""

from pathlib import Path
from typing import Any

import yaml


class YamlProblemError(Exception):
    """A file is not YAML as we read it; the message says why and what to do."""


def read_yaml(file: Path) -> Any:
    """Return the document in a file; raise YamlProblemError."""
    try:
        return yaml.load(file.read_text("utf-8"), _UniqueMembers)  # noqa: S506 it is a SafeLoader
    except OSError as error:
        raise YamlProblemError(f"cannot be read ({error.strerror}); make it readable") from None
    except UnicodeDecodeError:
        raise YamlProblemError("is not UTF-8; save it as UTF-8") from None
    except RecursionError:
        raise YamlProblemError("is nested too deeply; correct it") from None
    except (ValueError, yaml.YAMLError) as error:
        raise YamlProblemError(f"{_in_words(error)}; correct it") from None


class _UniqueMembers(yaml.SafeLoader):
    """YAML with unique members: of two, PyYAML silently takes the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Not in construct_mapping: there, what `<<` merges stands beside the members that override it.
        node = super().compose_mapping_node(anchor)
        names: list[tuple[str, Any]] = []
        for key, _ in node.value:
            if (key.tag, key.value) in names:
                raise yaml.composer.ComposerError(None, None, f"{key.value} repeats", key.start_mark)
            names.append((key.tag, key.value))
        return node


def _in_words(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return f"is not YAML ({' '.join(str(error).split())})"
