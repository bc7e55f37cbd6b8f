import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faultline_lite.scrubbing.scrubber import KnownParts, Scrubber
from faultline_lite.scrubbing.searches import SCRUBBED

# These pass Luhn's check; they are the card schemes' own test numbers.
CARDS = (
    "4111111111111111",
    "4222222222222",
    "5555 5555 5555 4444",
    "2223-0031-2200-3222",
    "3782 822463 10005",
    "6011111111111117",
    "3530111333300000",
)
TOKENS = (
    "xoxb-123456789012-abcdefABCDEF",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghij_klmnop",
    "glpat-abcdefghij0123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "sk_live_abcdefghij0123456789",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----",
)
SECRET_KEYS = (
    *("password", "Password", "password_confirmation", "user[password]", "DB_PASSWORD", "passwd"),
    *("secret", "clientSecret", "SECRET_KEY_BASE", "token", "accessToken", "X-CSRF-Token"),
    *("authorization", "HTTP_AUTHORIZATION", "Proxy-Authorization", "cookie", "Set-Cookie"),
    *("api_key", "apikey", "X-Api-Key", "api-key", "API KEY", "aws.access_key", "private_key"),
    *("credentials", "credit_card", "cardNumber", "card_number", "card_cvv", "cvv", "cvc2"),
    *("auth", "pwd", "db_pwd", "pin", "user[pin]", "ssn", "otp", "jwt", "PHPSESSID", "session_id"),
)
HARMLESS_KEYS = (
    *("session", "notifier", "backtrace", "code", "author", "authority", "authenticated"),
    *("tokenizer_version", "max_tokens", "token_count", "tokenType", "secretary", "shipping"),
    *("spinner", "pins", "recvCount", "passed", "bypass_count", "PWD", "OLDPWD", "keyboard"),
    *("compass", "public_key", "primary_key", "discard_note", "assessment", "class", "message"),
)


def encode(document: object) -> bytes:
    return json.dumps(document).encode()


def scrub(document: object) -> Any:
    return json.loads(Scrubber().scrub(encode(document)))


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_value_under_secret_key_is_hidden(key: str) -> None:
    assert scrub({"params": {key: "hunter2", "id": 7}}) == {"params": {key: SCRUBBED, "id": 7}}


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_value_under_harmless_key_stays(key: str) -> None:
    payload = encode({"params": {key: "hunter2"}})

    assert Scrubber().scrub(payload) is payload


def test_payload_without_secrets_comes_back_as_the_same_object() -> None:
    payload = encode({"message": "User 123 not found", "timestamp": 1700000000123, "x": "\u003c"})

    assert Scrubber().scrub(payload) is payload


def test_container_or_number_under_secret_key_is_hidden_whole() -> None:
    document = {"cookies": {"a": "b"}, "tokens": ["a", "b"], "pin": 1234, "secret": 1.5}

    assert scrub(document) == dict.fromkeys(document, SCRUBBED)


def test_nothing_and_yes_or_no_under_secret_key_stay() -> None:
    payload = encode({"password": None, "token": "", "secret": True, "cookies": {}, "api_key": []})

    assert Scrubber().scrub(payload) is payload


def test_key_written_with_escapes_is_hidden() -> None:
    payload = rb'{"\u0070assword":"hunter2","to\u006Ben":"x","api\u005fkey":"y","a":"b"}'

    assert json.loads(Scrubber().scrub(payload)) == {
        "password": SCRUBBED,
        "token": SCRUBBED,
        "api_key": SCRUBBED,
        "a": "b",
    }


def test_key_with_an_escaped_quote_behind_the_word_is_hidden() -> None:
    assert scrub({'token"\\x': "hunter2"}) == {'token"\\x': SCRUBBED}


def test_secret_that_a_second_value_of_its_key_covers_is_not_kept() -> None:
    scrubbed = Scrubber().scrub(b'{"password":"hunter2","password":null}')

    assert scrubbed == b'{"password":null}'


def test_list_of_header_pairs_is_judged_by_their_names() -> None:
    headers = [["Cookie", "a=b"], ["Host", "example.com"], ["X-Auth", "abc"]]

    assert scrub({"headers": headers}) == {
        "headers": [["Cookie", SCRUBBED], ["Host", "example.com"], ["X-Auth", SCRUBBED]]
    }


def test_list_of_two_texts_is_no_header() -> None:
    payload = encode({"filtered": ["password", "email"]})

    assert Scrubber().scrub(payload) is payload


@pytest.mark.parametrize("card", CARDS)
def test_card_number_in_a_text_is_hidden(card: str) -> None:
    assert scrub({"message": f"card {card}, declined"}) == {"message": "card [scrubbed], declined"}


def test_card_number_beside_other_digits_is_hidden() -> None:
    text = "\n4111111111111111 5 4111 1111 1111 1111 2 3782-822463-10005"

    assert scrub({"m": text}) == {"m": "\n[scrubbed] 5 [scrubbed] 2 [scrubbed]"}


def test_card_number_as_a_number_is_hidden() -> None:
    assert scrub({"a": [4111111111111111]}) == {"a": [SCRUBBED]}


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # Luhn's digit is wrong
        "1700000000123",
        "0.4111111111111111",
        "4111111111111111.5",
        "id_4111111111111111",
        "4111111111111111f",
        "41111111111111110000",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ],
)
def test_digits_that_are_no_card_number_stay(text: str) -> None:
    payload = encode({"message": text})

    assert Scrubber().scrub(payload) is payload


@pytest.mark.parametrize("token", TOKENS)
def test_token_of_a_known_shape_is_hidden_in_any_text(token: str) -> None:
    assert scrub({"code": {"14": f'x = "{token}"'}}) == {"code": {"14": 'x = "[scrubbed]"'}}


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("got\nBearer abc.DEF-123=", "got\nBearer [scrubbed]"),
        ("authorization: bearer abcdef", "authorization: bearer [scrubbed]"),
        ("Basic dXNlcjpwYXNz!", "Basic [scrubbed]!"),
        ("postgres://app:pa:ss@db/x", "postgres://app:[scrubbed]@db/x"),
        ("/login?token=abc&x=1", "/login?token=[scrubbed]&x=1"),
        ("/a?x=1&user%5Bpassword%5D=a%20b#top", "/a?x=1&user%5Bpassword%5D=[scrubbed]#top"),
        ("/a#access_token=abc", "/a#access_token=[scrubbed]"),
        ("password=hunter2&x=1", "password=[scrubbed]&x=1"),
        ("Server=a;Password=b;Port=1", "Server=a;Password=[scrubbed];Port=1"),
        ("/a?max_tokens=5&pin=1", "/a?max_tokens=5&pin=[scrubbed]"),
        (
            "https://hooks.slack.com/services/T0/B0/abc",
            "https://hooks.slack.com/services/[scrubbed]",
        ),
        (
            "https://discord.com/api/webhooks/12/ab",
            "https://discord.com/api/webhooks/[scrubbed]",
        ),
    ],
)
def test_only_the_secret_part_of_a_text_is_hidden(text: str, scrubbed: str) -> None:
    # PHP writes a slash behind a backslash.
    as_php = encode({"message": text}).replace(b"/", rb"\/")

    assert scrub({"message": text}) == {"message": scrubbed}
    assert json.loads(Scrubber().scrub(as_php)) == {"message": scrubbed}
    assert Scrubber().scrub_text(text) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication failed",
        "Bearer token is missing",
        "the bearer of bad news",
        "http://localhost:8080/a@b",
        "/books?author=Natsume&shipping=1&bypass=2",
        "a token=abc in a sentence",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert Scrubber().scrub_text(text) is text


def test_lines_of_source_stay() -> None:
    lines = {
        "14": "password = params[:password]",
        "15": "connect(user=user, password=password)",
        "16": "password=password",
        "17": "var a=1;token=read()",
    }
    payload = encode(
        {"backtrace": [{"code": lines}, {"pre_context": ["a=1;token=b"]}], "x": "?pin=1"}
    )

    assert json.loads(Scrubber().scrub(payload)) == {
        "backtrace": [{"code": lines}, {"pre_context": ["a=1;token=b"]}],
        "x": "?pin=[scrubbed]",
    }


def test_text_that_is_json_is_scrubbed_as_json() -> None:
    text = '{"user": {"password": "hunter2"}, "id": 7}'

    assert scrub({"body": text}) == {"body": '{"user":{"password":"[scrubbed]"},"id":7}'}


def test_text_that_only_looks_like_json_stays() -> None:
    text = '{ "password": no }'

    assert scrub({"body": text}) == {"body": text}


def test_extra_keys_add_to_the_list() -> None:
    scrubber = Scrubber(["tenant_id", "PID", "暗証番号"])
    payload = encode({"tenantId": "a", "x-tenant-id": "b", "pid": 4, "rapid": "c", "暗証番号": "d"})

    assert json.loads(scrubber.scrub(payload)) == {
        "tenantId": SCRUBBED,
        "x-tenant-id": SCRUBBED,
        "pid": SCRUBBED,
        "rapid": "c",
        "暗証番号": SCRUBBED,
    }


def test_numbers_beyond_64_bits_and_written_fractions_stay_as_they_are() -> None:
    payload = b'{"pin":"x","big":123456789012345678901234567890,"exact":1.10,"huge":1e400}'

    assert Scrubber().scrub(payload) == payload.replace(b'"x"', b'"[scrubbed]"')


def test_half_a_surrogate_does_not_keep_a_secret() -> None:
    payload = rb'{"pin":"x","cut":"\ud83d","size":1.5,"huge":1e999}'

    assert json.loads(Scrubber().scrub(payload)) == {
        "pin": SCRUBBED,
        "cut": "\ud83d",
        "size": 1.5,
        "huge": "1e999",
    }


def test_suspicious_bytes_that_are_no_json_are_refused() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        Scrubber().scrub(b'{"password": }')


def test_deep_nesting_is_scrubbed() -> None:
    payload = b'{"a":' * 99 + b'{"pin":"x"}' + b"}" * 99

    assert Scrubber().scrub(payload) == payload.replace(b'"x"', b'"[scrubbed]"')


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "?max_tokens=",
            "eyJaaaaa-ghp_0123456789abcdef0-",
            "4",
            "4 ",
            "5555 ",
            "Basic basic ",
            "://a:",
        ),
        *(
            "://a:b@",
            "-----BEGIN PRIVATE KEY-----",
            "&token=x",
            ";",
            "Bearer x",
            "xoxb-12345678,",
            "{",
        ),
    ],
)
def test_scrubbing_long_hostile_text_ends_and_is_idempotent(unit: str) -> None:
    text = unit * (2**16 // len(unit))
    scrubber = Scrubber()

    assert scrubber.scrub_text(scrubber.scrub_text(text)) == scrubber.scrub_text(text)


def test_megabyte_of_a_hostile_key_ends() -> None:
    document = {"max_tokens" * 2**17: "x"}

    assert scrub(document) == document


_FRAGMENTS = (
    *CARDS,
    *TOKENS,
    *SECRET_KEYS,
    *HARMLESS_KEYS,
    *(
        "Bearer ",
        "Basic ",
        "://",
        "@",
        ":",
        "?",
        "&",
        ";",
        "=",
        " ",
        "-",
        ".",
        "#",
        "\n",
        '"',
        "\\",
    ),
    *(
        "dXNlcjpwYXNz",
        "4",
        "123",
        "[",
        "]",
        "{",
        "}",
        SCRUBBED,
        "hooks.slack.com/services/",
        "注文",
    ),
)
_TEXTS = st.lists(st.sampled_from(_FRAGMENTS), max_size=8).map("".join) | st.text(max_size=5)
_DOCUMENTS = st.dictionaries(
    _TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def test_parts_in_common_are_scrubbed_as_by_themselves() -> None:
    shared = {"session": {"csrf": "x", "user": 5}, "context": {"max_tokens": 1}}
    documents = [
        {"message": "one", "params": {"password": "x"}, **shared},
        {"message": "two", "params": {"q": "Bearer abcdefgh"}, **shared},
        {"message": "three", "params": {"password": ""}, "session": {"token": "y"}},
        {"message": "password", "params": {"password": "x"}, **shared},
    ]
    payloads = [msgspec.json.encode(each) for each in documents]
    scrubber, known = Scrubber(), KnownParts()
    scrubbed = [scrubber.scrub(each, known) for each in payloads]

    assert scrubbed == [Scrubber().scrub(each) for each in payloads]
    assert [b'"csrf":"[scrubbed]"' in each for each in scrubbed] == [True, True, False, True]


@given(_TEXTS)
@example("password==5555 5555 5555 4444")
def test_scrubbing_a_text_again_changes_nothing(text: str) -> None:
    once = Scrubber().scrub_text(text)

    assert Scrubber().scrub_text(once) == once


@given(_DOCUMENTS, st.booleans())
@example({"a": "://u:p@4111111111111111"}, True)
def test_scrubbing_again_changes_nothing(document: dict[str, Any], escaped: bool) -> None:
    scrubber = Scrubber()
    once = scrubber.scrub(json.dumps(document, ensure_ascii=escaped).encode("utf-8", "replace"))

    assert json.loads(scrubber.scrub(once)) == json.loads(once)


@given(_TEXTS, st.booleans())
def test_every_text_that_scrubbing_changes_makes_a_payload_suspicious(
    text: str, escaped: bool
) -> None:
    scrubber = Scrubber()
    payload = json.dumps({"message": text}, ensure_ascii=escaped).encode("utf-8", "replace")

    assert json.loads(scrubber.scrub(payload)) == {"message": scrubber.scrub_text(text)}


@given(
    st.dictionaries(
        st.sampled_from(HARMLESS_KEYS),
        st.recursive(
            st.none()
            | st.integers(0, 10**12)
            | st.floats(allow_nan=False)
            | st.text("abc注文 .,:/"),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(HARMLESS_KEYS), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
def test_document_without_secrets_keeps_its_bytes(document: dict[str, Any]) -> None:
    payload = msgspec.json.encode(document)

    assert Scrubber().scrub(payload) is payload


@given(_DOCUMENTS)
def test_what_is_beside_a_secret_stays(document: dict[str, Any]) -> None:
    harmless = msgspec.json.decode(Scrubber().scrub(msgspec.json.encode(document)))
    payload = msgspec.json.encode({"password": "x", "kept": harmless})

    scrubbed = msgspec.json.decode(Scrubber().scrub(payload))

    assert scrubbed == {"password": SCRUBBED, "kept": harmless}


@pytest.mark.parametrize("text", ["Bearer abcdefghij ", "https://me:secret@host/ ", "x=1&token=a "])
def test_text_of_endless_secrets_is_hidden_from_there_on(text: str) -> None:
    scrubbed = Scrubber().scrub_text(text * 5000)

    assert len(scrubbed) < len(text) * 2000
    assert scrubbed.endswith("[scrubbed]")
    assert "secret" not in scrubbed
    assert "abcdefghij" not in scrubbed


def test_endless_row_of_digits_is_hidden_from_there_on() -> None:
    scrubbed = Scrubber().scrub_text("4 " * 100_000 + "4111 1111 1111 1111")

    assert len(scrubbed) < 5000
    assert scrubbed.endswith("[scrubbed]")
