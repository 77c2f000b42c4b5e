"""HTML and MarkdownV2 as Telegram's server reads them: what people see, and what it refuses."""

from __future__ import annotations

import pytest

from plugins.markup import HTML, MARKDOWN, MarkupError, plain, visible


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Oi", "Oi"),
        ("<b>Oi</b> <i>a<u>b</u></i>", "Oi ab"),
        ("<B>Oi</b >", "Oi"),
        ("<b>Oi</>", "Oi"),
        ('<a href="https://x.org/?a=1&amp;b=2">x</a>', "x"),
        ("<a href='x'>y</a><a>example.org</a>", "yexample.org"),
        ('<span class="tg-spoiler">x</span><tg-spoiler>y</tg-spoiler>', "xy"),
        ('<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji>', "👍"),
        ('<tg-time unix="1647531900" format="r">soon</tg-time>', "soon"),
        ('<pre><code class="language-python">x</code></pre>', "x"),
        ("<blockquote expandable>x</blockquote><blockquote>y</blockquote>", "xy"),
        ("<code class=tg-x bold>x</code>", "x"),
        ("a &lt; b &amp;&gt;&quot; &#65;&#x42 &lt", 'a < b &>" AB <'),
        ("&nbsp; &copy; & &; &#0; &#xD800; &ltx", "&nbsp; &copy; & &; &#0; &#xD800; &ltx"),
        ("a > b", "a > b"),
    ],
)
def test_html_that_telegram_takes(source: str, shown: str) -> None:
    assert visible(source, HTML) == shown


@pytest.mark.parametrize(
    ("source", "kind", "values"),
    [
        ("<b>Oi", "text_tag_unclosed", {"line": 1, "tag": "b"}),
        ("Oi\n<b><i>x</i>", "text_tag_unclosed", {"line": 2, "tag": "b"}),
        ("<p>Oi</p>", "text_tag_unknown", {"line": 1, "tag": "p"}),
        ("Oi<br>", "text_tag_unknown", {"line": 1, "tag": "br"}),
        ("Oi<b/>", "text_tag_unknown", {"line": 1, "tag": "b/"}),
        ("a\n\na < b", "text_tag_unknown", {"line": 3, "tag": ""}),
        ("I <3 you", "text_tag_unknown", {"line": 1, "tag": "3"}),
        ("<!-- x -->", "text_tag_unknown", {"line": 1, "tag": "!--"}),
        ("<b\xa0>x</b>", "text_tag_unknown", {"line": 1, "tag": "b\xa0"}),
        ("Oi</b>", "text_tag_unmatched", {"line": 1, "tag": "b"}),
        ("<b>x</i>", "text_tag_unmatched", {"line": 1, "tag": "i"}),
        ("<b><i>x</b></i>", "text_tag_unmatched", {"line": 1, "tag": "b"}),
        ("<b", "text_tag_malformed", {"line": 1, "tag": "b"}),
        ("<b>x</b", "text_tag_malformed", {"line": 1, "tag": "/b"}),
        ('<a href="x>y</a>', "text_tag_malformed", {"line": 1, "tag": "a"}),
        ("<a href=https://x.org>y</a>", "text_tag_malformed", {"line": 1, "tag": "a"}),
        ("<b =x>x</b>", "text_tag_malformed", {"line": 1, "tag": "b"}),
        ("<span>x</span>", "text_tag_malformed", {"line": 1, "tag": "span"}),
        ('<tg-emoji emoji-id="x">👍</tg-emoji>', "text_tag_malformed", {"line": 1, "tag": "tg-emoji"}),
    ],
)
def test_html_that_telegram_refuses(source: str, kind: str, values: dict[str, object]) -> None:
    with pytest.raises(MarkupError) as caught:
        visible(source, HTML)
    assert (caught.value.kind, caught.value.values) == (kind, values)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Oi", "Oi"),
        (r"*a* _b_ __c__ ~d~ ||e|| `f`", "a b c d e f"),
        (r"*bold _italic __under___ end*", "bold italic under end"),
        (r"1\.5 \- \(x\) \\ \_", r"1.5 - (x) \ _"),
        (r"[x](https://x.org/a_b\)c) [example]", "x example"),
        ("![👍](tg://emoji?id=5368324170671202286)", "👍"),
        ("![soon](tg://time?unix=1647531900&format=r)", "soon"),
        ("```python\nprint(1.5)\n```", "print(1.5)\n"),
        ("`a.b*c`", "a.b*c"),
        (">q\n>r\nafter", "q\nr\nafter"),
        ("before\n>q *b*\n\n**>x\n>y||", "before\nq b\n\nx\ny"),
        ("a\nb", "a\nb"),
        ("*>q\n*r", "q\nr"),
        ("```a`b`c```", "abc"),
        ("5 \\< 6 & 'x' \"y\" @z ^ %", "5 < 6 & 'x' \"y\" @z ^ %"),
    ],
)
def test_markdown_that_telegram_takes(source: str, shown: str) -> None:
    assert visible(source, MARKDOWN) == shown


@pytest.mark.parametrize(
    ("source", "kind", "values"),
    [
        *((sign, "text_sign_unescaped", {"line": 1, "sign": sign}) for sign in "])(#+-=|{}.!"),
        ("a\na > b", "text_sign_unescaped", {"line": 2, "sign": ">"}),
        ("```a`b```", "text_sign_unclosed", {"line": 1, "sign": "```"}),
        ("[x](y\\)", "text_link_malformed", {"line": 1}),
        (">>x", "text_sign_unescaped", {"line": 1, "sign": ">"}),
        ("*Oi", "text_sign_unclosed", {"line": 1, "sign": "*"}),
        ("a\n_b * c _", "text_sign_unclosed", {"line": 2, "sign": "_"}),
        ("__a_", "text_sign_unclosed", {"line": 1, "sign": "_"}),
        ("_a__", "text_sign_unclosed", {"line": 1, "sign": "__"}),
        ("```", "text_sign_unclosed", {"line": 1, "sign": "```"}),
        (">*q\nr*", "text_sign_unclosed", {"line": 1, "sign": "*"}),
        ("[x", "text_sign_unclosed", {"line": 1, "sign": "["}),
        ("[x](y", "text_link_malformed", {"line": 1}),
        ("![x]", "text_link_malformed", {"line": 1}),
        ("![x](https://x.org)", "text_link_malformed", {"line": 1}),
    ],
)
def test_markdown_that_telegram_refuses(source: str, kind: str, values: dict[str, object]) -> None:
    with pytest.raises(MarkupError) as caught:
        visible(source, MARKDOWN)
    assert (caught.value.kind, caught.value.values) == (kind, values)


@pytest.mark.parametrize(
    ("source", "mode", "words"),
    [
        ("<b>Oi</b> &lt;", HTML, "Oi <"),
        ("<b>Oi <p>x</p> &lt; 5 < 6 <a href='x'>y", HTML, "Oi <p>x</p> < 5 < 6 y"),
        ("*Oi* 1\\.5", MARKDOWN, "Oi 1.5"),
        ("*Oi 1.5\\!", MARKDOWN, "*Oi 1.5!"),
        ("<b>", None, "<b>"),
    ],
)
def test_half_written_markup_leaves_readable_words(source: str, mode: str | None, words: str) -> None:
    assert plain(source, mode) == words
