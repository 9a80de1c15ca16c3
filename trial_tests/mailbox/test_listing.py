"""What LIST and LSUB show."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mailbox.listing import Listed, Query, list_mailboxes, lsub
from sora.storage.rows import Listing, MailboxRow


def listing(*names: str, subscribed: str = "", uses: dict[str, str] | None = None) -> Listing:
    rows = tuple(
        MailboxRow(number, 1, name, f"M{number}", number, 1, 1, 0, 0, 0, 0, (uses or {}).get(name))
        for number, name in enumerate(names, 1)
    )
    return Listing(1, rows, tuple(subscribed.split()))


def shown(found: list[Listed]) -> dict[str, tuple[str, ...]]:
    return {
        item.name: tuple(
            attribute.removeprefix("\\")
            for attribute in item.attributes
            if attribute not in ("\\HasNoChildren", "\\Noselect")
        )
        + item.child_info
        for item in found
    }


# RFC 5258 §5 begins with these mailboxes.
FRUIT = listing(
    "INBOX",
    "Fruit",
    "Fruit/Apple",
    "Fruit/Banana",
    "Tofu",
    "Vegetable",
    "Vegetable/Broccoli",
    "Vegetable/Corn",
    subscribed="INBOX Fruit/Banana Fruit/Peach Vegetable Vegetable/Broccoli",
)


class ListTests(SynchronousTestCase):
    def list(self, mailboxes: Listing, *patterns: str, **more: object) -> dict[str, object]:
        return shown(list_mailboxes(mailboxes, Query("", patterns, **more)))  # type: ignore[arg-type]

    def test_everything_is_in_order_with_inbox_first(self) -> None:
        found = list_mailboxes(listing("a", "Z", "INBOX", "a/b", "INBOX/x"), Query())
        self.assertEqual([item.name for item in found], ["INBOX", "INBOX/x", "Z", "a", "a/b"])

    def test_percent_stays_on_one_level(self) -> None:
        self.assertEqual(
            self.list(FRUIT, "%"),
            {"INBOX": (), "Fruit": ("HasChildren",), "Tofu": (), "Vegetable": ("HasChildren",)},
        )
        self.assertEqual(list(self.list(FRUIT, "Fruit/%")), ["Fruit/Apple", "Fruit/Banana"])

    def test_the_reference_stands_before_the_pattern(self) -> None:
        found = list_mailboxes(FRUIT, Query("Vegetable/", ("%",)))
        self.assertEqual([item.name for item in found], ["Vegetable/Broccoli", "Vegetable/Corn"])

    def test_several_patterns_name_each_mailbox_once(self) -> None:
        self.assertEqual(list(self.list(FRUIT, "INBOX", "inbox", "T*", "%")).count("INBOX"), 1)
        self.assertEqual(list(self.list(FRUIT, "INBOX", "T*")), ["INBOX", "Tofu"])
        self.assertEqual(self.list(FRUIT, ""), {})

    def test_the_mailbox_comes_along(self) -> None:
        found = list_mailboxes(FRUIT, Query("", ("Tofu",)))
        self.assertEqual(found[0].mailbox, FRUIT.mailboxes[4])
        self.assertEqual(found[0].attributes, ("\\HasNoChildren",))

    def test_a_superior_that_is_not_there_is_shown_as_such(self) -> None:
        found = list_mailboxes(listing("INBOX", "a/b"), Query("", ("%",)))
        self.assertEqual(found[1], Listed("a", ("\\NonExistent", "\\Noselect", "\\HasChildren")))

    def test_subscribed_names_are_shown_though_they_are_not_there(self) -> None:
        """RFC 5258 §5, example 3"""
        self.assertEqual(
            self.list(FRUIT, "*", only_subscribed=True),
            {
                "INBOX": ("Subscribed",),
                "Fruit/Banana": ("Subscribed",),
                "Fruit/Peach": ("NonExistent", "Subscribed"),
                "Vegetable": ("HasChildren", "Subscribed"),
                "Vegetable/Broccoli": ("Subscribed",),
            },
        )

    def test_names_only_subscribed_to_are_not_shown_without_being_asked_for(self) -> None:
        self.assertNotIn("Fruit/Peach", self.list(FRUIT, "*", return_subscribed=True))

    def test_subscriptions_are_told_where_asked_for(self) -> None:
        found = self.list(FRUIT, "%", return_subscribed=True)
        self.assertEqual(found["Vegetable"], ("HasChildren", "Subscribed"))
        self.assertEqual(found["Tofu"], ())
        self.assertEqual(self.list(FRUIT, "Vegetable")["Vegetable"], ("HasChildren",))

    def test_recursive_match_shows_superiors_of_what_is_selected(self) -> None:
        """RFC 5258 §3.5 and §5, example 7"""
        self.assertEqual(
            self.list(FRUIT, "%", only_subscribed=True, recursive_match=True),
            {
                "INBOX": ("Subscribed",),
                "Fruit": ("HasChildren", "SUBSCRIBED"),
                "Vegetable": ("HasChildren", "Subscribed", "SUBSCRIBED"),
            },
        )

    def test_recursive_match_shows_a_superior_that_is_not_there(self) -> None:
        mailboxes = listing("INBOX", subscribed="foo/bar/baz")
        self.assertEqual(
            self.list(mailboxes, "%", only_subscribed=True, recursive_match=True),
            {"foo": ("NonExistent", "SUBSCRIBED")},
        )
        self.assertEqual(self.list(mailboxes, "%", only_subscribed=True), {})

    def test_special_uses_are_told_and_selected_by(self) -> None:
        """RFC 6154 §5"""
        mailboxes = listing(
            "INBOX", "Post", "Post/Out", uses={"Post/Out": "\\Sent"}, subscribed="Post/Out"
        )
        self.assertEqual(self.list(mailboxes, "*")["Post/Out"], ("Sent",))
        self.assertEqual(self.list(mailboxes, "*", only_special_use=True), {"Post/Out": ("Sent",)})
        self.assertEqual(
            self.list(mailboxes, "%", only_special_use=True, recursive_match=True),
            {"Post": ("HasChildren", "SPECIAL-USE")},
        )
        self.assertEqual(
            self.list(
                mailboxes, "%", only_special_use=True, only_subscribed=True, recursive_match=True
            ),
            {"Post": ("HasChildren", "SUBSCRIBED", "SPECIAL-USE")},
        )

    def test_a_large_account_and_an_evil_pattern_take_no_time(self) -> None:
        mailboxes = listing(*[f"a/{'b' * 50}{number}" for number in range(3000)])
        self.assertEqual(list_mailboxes(mailboxes, Query("", ("*b" * 40 + "!",))), [])


class LsubTests(SynchronousTestCase):
    def lsub(self, mailboxes: Listing, pattern: str, reference: str = "") -> dict[str, object]:
        return {item.name: item.attributes for item in lsub(mailboxes, reference, pattern)}

    def test_subscribed_names_are_shown(self) -> None:
        self.assertEqual(
            self.lsub(FRUIT, "*"),
            dict.fromkeys(
                ["INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"], ()
            ),
        )

    def test_percent_shows_a_superior_of_what_is_subscribed(self) -> None:
        """RFC 3501 §6.3.9"""
        self.assertEqual(
            self.lsub(FRUIT, "%"), {"INBOX": (), "Fruit": ("\\Noselect",), "Vegetable": ()}
        )
        deep = listing("INBOX", subscribed="a/b/c/d")
        self.assertEqual(self.lsub(deep, "%"), {"a": ("\\Noselect",)})
        self.assertEqual(self.lsub(deep, "a/%"), {"a/b": ("\\Noselect",)})
        self.assertEqual(self.lsub(deep, "%", "a/"), {"a/b": ("\\Noselect",)})
        self.assertEqual(self.lsub(deep, "*"), {"a/b/c/d": ()})
