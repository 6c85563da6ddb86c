"""Texts that have run code in maps made with folium, or broken them, and the fields they are tried in."""

from __future__ import annotations

# Run where the map is built: folium compiles rendered text as a template again.
RUNS_CODE = {
    "jinja": "{{cycler.__init__.__globals__.os.mkdir(dict(PWN=1)|first)}}",
    "jinja set": "{%set x=cycler.__init__.__globals__.os.mkdir(dict(PWN=1)|first)%}",
    "jinja broken": "100{% of the pipes",
    "jinja comment": "{# 注释 #}ABC",
}
# Run, or break the page, where it is read.
PAYLOADS = RUNS_CODE | {
    "image": "<img src=x onerror=alert(1)>",
    "script": "</script><script>alert(1)</script>",
    "comment": "<!--<script>",
    "template literal": "${alert(1)}",
    "backtick": "`+alert(1)+`",
    "escape": r"\x3cimg src=x onerror=alert(1)\x3e",
    "separators": "a\u2028b\u2029c",
    "quotes": "\"' onmouseover=alert(1) x='\"",
    "entity": "&lt;img src=x onerror=alert(1)&gt;",
    "control": "a\x01\x7f\x9fb\ufeff\ufffe",
    "place": "<!--gisplan:script-->",
}
FIELDS = (
    "parcel", "name", "sub_park", "promised", "feature", "feature_name", "kind", "label", "works", "source", "reason",
    "reason_en", "title", "title_en", "disclaimer", "profile", "profile_en", "crs", "note", "service", "letter",
    "responsible", "barrier", "join", "doubt", "fault", "message", "message_en", "hint", "hint_en",
)  # fmt: skip
