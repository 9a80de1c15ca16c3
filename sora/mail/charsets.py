"""Labels of charsets -> codecs, and octets -> text that never fails.

Only labels of an explicit table are looked up: the names that Python's codecs answer to include
some that are no charsets of mail and are expensive to feed with a stranger's octets.
Where labels are commonly wrong, the wider charset is meant: ISO-8859-1 is Windows-1252, GB2312
is GB18030, Shift_JIS is CP932 (as browsers do, WHATWG Encoding §4.2).
"""

import encodings
from encodings.aliases import aliases
from typing import Final

from sora.errors import BadArgument, BadCharset
from sora.mail.text import clean

_TABLE: Final = {
    "utf-8": "utf8 unicode-1-1-utf-8 utf-8-mac x-utf-8 cp65001",
    "ascii": "us-ascii ansi_x3.4-1968 iso646-us iso-ir-6 646 us",
    "utf-7": "utf7 unicode-1-1-utf-7 x-utf-7",
    "utf-16": "utf16 ucs-2 unicode iso-10646-ucs-2",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "utf-32": "utf32 ucs-4",
    "utf-32-le": "utf-32le",
    "utf-32-be": "utf-32be",
    "cp1252": "windows-1252 iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1 iso88591 x-cp1252 "
    "cp819 ibm819 iso-ir-100 iso_8859-1:1987 ansi",
    "iso8859-2": "iso-8859-2 iso_8859-2 iso_8859-2:1987 latin2 l2",
    "iso8859-3": "iso-8859-3 iso_8859-3 latin3",
    "iso8859-4": "iso-8859-4 iso_8859-4 latin4",
    "iso8859-5": "iso-8859-5 iso_8859-5 cyrillic",
    "iso8859-6": "iso-8859-6 iso-8859-6-i iso-8859-6-e arabic",
    "iso8859-7": "iso-8859-7 greek",
    "iso8859-8": "iso-8859-8 iso-8859-8-i iso-8859-8-e hebrew",
    "cp1254": "windows-1254 iso-8859-9 iso_8859-9 latin5 x-cp1254",
    "iso8859-10": "iso-8859-10 latin6",
    "cp874": "windows-874 tis-620 tis620 iso-8859-11 iso8859-11",
    "iso8859-13": "iso-8859-13",
    "iso8859-14": "iso-8859-14",
    "iso8859-15": "iso-8859-15 iso_8859-15 latin9 latin-9",
    "iso8859-16": "iso-8859-16",
    "cp1250": "windows-1250 x-cp1250",
    "cp1251": "windows-1251 x-cp1251",
    "cp1253": "windows-1253 x-cp1253",
    "cp1255": "windows-1255 x-cp1255",
    "cp1256": "windows-1256 x-cp1256",
    "cp1257": "windows-1257 x-cp1257",
    "cp1258": "windows-1258 x-cp1258",
    "cp437": "ibm437 cp-437",
    "cp737": "ibm737",
    "cp775": "ibm775",
    "cp850": "ibm850 cp-850",
    "cp852": "ibm852 cp-852",
    "cp855": "ibm855",
    "cp858": "ibm00858",
    "cp862": "ibm862",
    "cp866": "ibm866 cp-866",
    "koi8-r": "koi8r koi8 cskoi8r",
    "koi8-u": "koi8u koi8-ru",
    "mac-roman": "macintosh macroman x-mac-roman mac",
    "mac-cyrillic": "x-mac-cyrillic",
    "gb18030": "gb2312 gbk x-gbk gb_2312-80 euc-cn x-euc-cn cp936 windows-936 chinese csgb2312",
    "hz": "hz-gb-2312",
    "cp950": "big5 big-5 x-x-big5 cn-big5 csbig5 windows-950",
    "big5hkscs": "big5-hkscs",
    "iso2022_jp_2": "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 csiso2022jp iso-2022-jp-ms cp50220",
    "iso2022_jp_3": "iso-2022-jp-3",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j csshiftjis windows-932",
    "euc_jp": "euc-jp eucjp x-euc-jp",
    "cp949": "euc-kr euckr ks_c_5601-1987 ks_c_5601 ksc5601 ksc_5601 korean windows-949 uhc",
    "iso2022_kr": "iso-2022-kr csiso2022kr",
    "johab": "ms1361",
}
_CODECS: Final = {
    label: codec for codec, labels in _TABLE.items() for label in (codec, *labels.split())
}

_NO_CHARSETS: Final = frozenset(
    [
        "base64_codec",
        "bz2_codec",
        "hex_codec",
        "quopri_codec",
        "rot_13",
        "uu_codec",
        "zlib_codec",
        "mbcs",
        "oem",
    ]
)
_WITHOUT_ALIAS: Final = (
    "cp720 cp856 cp875 cp1006 koi8_t mac_arabic mac_croatian mac_farsi mac_romanian utf_8_sig"
)
_PYTHON: Final = frozenset({*aliases.values(), *_WITHOUT_ALIAS.split()}) - _NO_CHARSETS
"""Python's codecs that are charsets: clients may name these too, mail seldom does."""

SEARCH_CHARSETS: Final = ("US-ASCII", "UTF-8")
"""What the BADCHARSET response code names (RFC 3501 §7.1); many more are known."""

_FALLBACK: Final = "cp1252"


def codec_of(label: str) -> str | None:
    """The codec for a charset's label in any case, or None if it is not known."""
    return _CODECS.get(label.strip(" \t\"'<>").lower())


def decode(data: bytes, label: str = "") -> str:
    """Octets in the named charset -> text without NUL. Never raises.

    What is not as the label says is read as UTF-8 if it is that, else as Windows-1252:
    a wrong label is far more common than wrong octets.
    """
    if data.isascii() and b"\x1b" not in data and not _shifts(label):
        return clean(data.decode("ascii"))
    codec = codec_of(label)
    for candidate in (codec, "utf-8") if codec else ("utf-8",):
        try:
            return clean(data.decode(candidate))
        except UnicodeError:
            continue
    # A single bad octet in a long text of a known charset should not spoil the rest.
    return clean(data.decode(_FALLBACK if codec in (None, "ascii") else codec, "replace"))


def _shifts(label: str) -> bool:
    """Whether the label makes 7-bit octets mean something else than US-ASCII."""
    if not label:
        return False
    codec = codec_of(label)
    return codec is not None and codec.startswith(("utf-7", "utf-16", "utf-32", "hz", "iso2022"))


def decode_search(text: bytes, charset: str) -> str:
    """The argument of SEARCH in the charset that the client named (RFC 3501 §6.4.4).

    Raises:
        BadCharset: the charset is not known.
        BadArgument: the octets are not in it.
    """
    codec = codec_of(charset) or _python_codec(charset)
    if codec is None:
        raise BadCharset(f"The charset {charset!r} is not known")
    try:
        # Many clients send UTF-8 and do not say so.
        return text.decode("utf-8" if codec == "ascii" else codec)
    except UnicodeError:
        raise BadArgument(f"The text to search for is not in {charset}") from None


def _python_codec(label: str) -> str | None:
    """A codec by Python's names for it, which know most of IANA's."""
    name = encodings.normalize_encoding(label).lower()
    name = aliases.get(name, name)
    return name if name in _PYTHON else None
