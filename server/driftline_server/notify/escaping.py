"""A plain text as each channel must be given it, so that it is read as that text: no markup, no mention, no control character.

Names of columns and categories come from strangers' data. Whatever they hold, an alert must not ring everybody's phone, forge a
line of a mail's head or move a terminal's cursor.
"""

import html as _html
import re
import unicodedata

JOINER = "\u2060"  # invisible; parts what a chat would read as one
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_MENTION = re.compile(r"(?<=<)(?=[@!#]|https?:)|(?<=\])(?=\()|@(?=\S)")
# What GitHub and GitLab make links of by themselves, escaped or not.
_LINKED = re.compile(r"[@#!~%$](?=\S)|:(?=//)|(?<=www)(?=\\?\.)")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>:$&<])")


def plain(text: str, *, is_long: bool = True) -> str:
    """Without characters that cannot be seen (controls, direction marks, surrogates); lines stay where `is_long`, else become one.

    >>> plain("a\\x1b[31mb\\u202ec\\r\\nBcc: x", is_long=False)
    'a[31mbc Bcc: x'
    """
    lines = (_visible(line) for line in re.split(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", text))
    return ("\n" if is_long else " ").join(lines)


def subject(text: str, *, length_max: int = 200) -> str:
    """One line, for a mail's subject or a title."""
    return unmentioned(plain(text, is_long=False))[:length_max]


def unmentioned(text: str) -> str:
    """Mentions and links broken by an invisible character, where a channel has no escape for them.

    >>> unmentioned("@here <!channel> [click](http://x)").replace("\\u2060", "|")
    '@|here <|!channel> [click]|(http://x)'
    """
    return _MENTION.sub(lambda match: match[0] + JOINER, text)


def slack(text: str) -> str:
    """For Slack's `text` and what speaks as it does: its three escapes, and mentions that need none broken.

    >>> slack("<!channel> & @here").replace("\\u2060", "|")
    '&lt;!channel&gt; &amp; @|here'
    """
    broken = re.sub(r"@(?=\S)|(?<=\])(?=\()", lambda match: match[0] + JOINER, plain(text))
    return broken.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def html(text: str) -> str:
    return _html.escape(plain(text))


def markdown(text: str) -> str:
    """For GitHub's and GitLab's Markdown: every mark escaped, mentions and references (`@name`, `#12`, `!3`) broken.

    >>> markdown("*a* <b>").replace("\\u2060", "|")
    '\\\\*a\\\\* \\\\<b\\\\>'
    """
    escaped = _MARKDOWN.sub(r"\\\1", plain(text))
    return _LINKED.sub(lambda match: match[0] + JOINER, escaped)


def code(text: str) -> str:
    """A Markdown code span that a text cannot leave.

    >>> code("a `b` c")
    '`a ˋbˋ c`'
    """
    return f"`{plain(text, is_long=False).replace('`', 'ˋ')}`"


def terminal(text: str) -> str:
    return plain(text)


def _visible(text: str) -> str:
    return "".join(char for char in text.replace("\t", " ") if unicodedata.category(char) not in _INVISIBLE)
