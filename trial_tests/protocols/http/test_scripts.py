"""Sieve scripts, over HTTP."""

from trial_tests.protocols.http.desk import READING, Answer, DeskTestCase

ANN = "/admin/accounts/ann@example.com"
DOMAIN = "/admin/domains/example.com"
LETTER = "From: carl@example.net\r\nSubject: Hello\r\n\r\nHello\r\n"


class ScriptTests(DeskTestCase):
    """Of an account, and of a domain."""

    def setUp(self) -> None:
        super().setUp()
        new = {"email": "ann@example.com", "password": "correct horse", "hash": "ssha512"}
        self.ask("POST", "/admin/accounts", new)

    def test_the_life_of_a_script(self) -> None:
        put = self.ask("PUT", f"{ANN}/scripts/main", {"source": "keep;"})
        self.assertEqual((put.status, put.json), (200, {"warnings": []}))
        shown = self.ask("GET", f"{ANN}/scripts/main")
        self.assertEqual(shown.json, {"script": "main", "source": "keep;"})
        run = self.ask("PUT", f"{ANN}/script-positions/active", {"script": "main"})
        self.assertEqual(run.status, 204)
        [listed] = self.ask("GET", f"{ANN}/scripts").json["items"]
        self.assertEqual((listed["script"], listed["position"]), ("main", "active"))
        self.has_problem(self.ask("DELETE", f"{ANN}/scripts/main"), 409, "in-use")
        renamed = self.ask("PATCH", f"{ANN}/scripts/main", {"script": "a/b"})
        self.assertEqual(renamed.json, {"script": "a/b"})
        self.assertEqual(self.ask("DELETE", f"{ANN}/script-positions/active").status, 204)
        self.assertEqual(self.ask("DELETE", f"{ANN}/scripts/a%2Fb").status, 204)
        self.has_problem(self.ask("GET", f"{ANN}/scripts/a%2Fb"), 404, "not-found")

    def test_what_is_wrong_with_a_script(self) -> None:
        """All of it, with its places."""
        for method, path in (("PUT", f"{ANN}/scripts/main"), ("POST", "/admin/sieve/check")):
            answer = self.ask(method, path, {"source": "keep\nnonsense;"})
            self.has_problem(answer, 422, "invalid-script", "line 2, column 1")
        self.assertEqual(self.ask("GET", f"{ANN}/scripts").json["items"], [])
        empty = self.ask("PUT", f"{ANN}/scripts/main", {"source": ""})
        self.has_problem(empty, 400, "bad-request")
        odd = self.ask("DELETE", f"{ANN}/script-positions/middle")
        self.has_problem(odd, 400, "bad-request", "position")

    def put(self, source: str, *headers: str) -> Answer:
        """A text for the same script, under conditions."""
        return self.ask("PUT", f"{ANN}/scripts/main", {"source": source}, headers=headers)

    def test_no_change_is_lost(self) -> None:
        """RFC 9110 §13.1: who changes what somebody else has changed meanwhile is told."""
        self.has_problem(self.put("keep;", "If-Match: *"), 412, "precondition-failed", "no such")
        first = self.put("keep;", "If-None-Match: *")
        self.assertEqual(first.status, 200)
        self.has_problem(self.put("stop;", "If-None-Match: *"), 412, "precondition-failed")
        shown = self.ask("GET", f"{ANN}/scripts/main")
        tag = shown.headers["etag"]
        self.assertEqual(tag, first.headers["etag"])
        second = self.put("stop;", f'If-Match: "x", {tag}')
        self.assertEqual(second.status, 200)
        self.assertNotEqual(second.headers["etag"], tag)
        late = self.put("discard;", f"If-Match: {tag}")
        self.has_problem(late, 412, "precondition-failed", "another")
        weak = self.put("discard;", f"If-Match: W/{second.headers['etag']}")
        self.has_problem(weak, 412, "precondition-failed")
        self.assertEqual(self.put("discard;", "If-Match: *").status, 200)

    def test_conditions_that_are_none(self) -> None:
        """Nothing is done under them, rather than anything."""
        self.put("keep;")
        for header in ("If-Match: x", "If-Match:", 'If-Match: "a" "b"'):
            self.has_problem(self.put("stop;", header), 412, "precondition-failed")
        for header in ('If-None-Match: "a"', "If-None-Match:"):
            self.has_problem(self.put("stop;", header), 400, "bad-request")

    def test_scripts_of_a_domain(self) -> None:
        """Before and after those of its users."""
        new = {"source": "keep;", "position": "before"}
        self.assertEqual(self.ask("PUT", f"{DOMAIN}/scripts/first", new).status, 200)
        [listed] = self.ask("GET", f"{DOMAIN}/scripts").json["items"]
        self.assertEqual((listed["script"], listed["position"]), ("first", "before"))
        self.assertEqual(self.ask("DELETE", f"{DOMAIN}/script-positions/before").status, 204)
        self.assertEqual(self.ask("DELETE", f"{DOMAIN}/scripts/first").status, 204)

    def test_a_script_is_tried(self) -> None:
        """Who may look may do that: nothing is kept, nothing is done."""
        source = 'require ["fileinto", "include"]; include "more"; fileinto "Work";'
        trial = {
            "source": source,
            "message": LETTER,
            "mailboxes": ["Work"],
            "scripts": {"more": "keep;"},
        }
        tried = self.ask("POST", "/admin/sieve/test", trial, key=READING)
        self.assertEqual(tried.status, 200, tried.body)
        self.assertIn("Work", tried.json["actions"][0])
        self.assertTrue(tried.json["trace"])
        empty = self.ask("POST", "/admin/sieve/test", {"source": "keep;", "message": " "})
        self.has_problem(empty, 422, "cannot-be-done", "empty")
