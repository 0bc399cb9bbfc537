"""A page of sections, as Markdown or as HTML. What it says is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

Row = Sequence[str]

_HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #1b1f24; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem }
th, td { border-bottom: 1px solid #d0d7de; padding: .3rem .8rem; text-align: left }
img { max-width: 100% }
</style>
<h1>{{ title }}</h1>
{% for section in sections %}
<h2>{{ section.title }}</h2>
{% for line in section.text %}<p>{{ line }}</p>
{% endfor %}
{% if section.rows %}<table>
<tr>{% for cell in section.head %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in section.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endif %}
{% if section.picture %}<img src="{{ section.picture }}" alt="{{ section.title }}">{% endif %}
{% endfor %}
</html>
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with lines of text, a table and a picture; each may be missing."""

    title: str
    text: Sequence[str] = ()
    head: Row = ()
    rows: Sequence[Row] = ()
    picture: str | None = None


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The page as Markdown."""
    lines = [f"# {title}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        for line in section.text:
            lines += [line, ""]
        if section.rows:
            lines += [_line(section.head), _line(["---"] * len(section.head))]
            lines += [*map(_line, section.rows), ""]
        if section.picture:
            lines += [f"![{section.title}]({section.picture})", ""]
    return "\n".join(lines).rstrip() + "\n"


def html(title: str, sections: Sequence[Section]) -> str:
    """The page as one HTML file; whatever it says is escaped.

    Raises:
        ImportError: Jinja is not installed.
    """
    from jinja2 import Environment

    template = Environment(autoescape=True, trim_blocks=True).from_string(_HTML)
    return template.render(title=title, sections=sections) + "\n"


def _line(cells: Row) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
