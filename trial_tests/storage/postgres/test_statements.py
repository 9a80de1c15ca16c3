"""SQL is cut where PostgreSQL would cut it."""

from twisted.trial.unittest import SynchronousTestCase

from sora.storage.postgres.statements import split_statements

CASES: list[tuple[str, list[str]]] = [
    ("", []),
    (";;\n;", []),
    ("-- only; a comment\n", []),
    ("SELECT 1", ["SELECT 1"]),
    ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
    ("SELECT ';'; SELECT 'it''s;'", ["SELECT ';'", "SELECT 'it''s;'"]),
    (r"SELECT E'\';'; SELECT 2", [r"SELECT E'\';'", "SELECT 2"]),
    (r"SELECT '\'; SELECT 2", [r"SELECT '\'", "SELECT 2"]),
    ('SELECT "a;b"; SELECT 2', ['SELECT "a;b"', "SELECT 2"]),
    ("DO $$ a; b; $$; SELECT 2", ["DO $$ a; b; $$", "SELECT 2"]),
    ("DO $x$ $$;$$ ; $x$; SELECT 2", ["DO $x$ $$;$$ ; $x$", "SELECT 2"]),
    ("SELECT a$b$c; SELECT 2", ["SELECT a$b$c", "SELECT 2"]),
    ("SELECT 1 /* ; /* ; */ ; */ ; SELECT 2", ["SELECT 1 /* ; /* ; */ ; */", "SELECT 2"]),
    ("/* ; */ SELECT 1; -- ;\nSELECT 2", ["/* ; */ SELECT 1", "-- ;\nSELECT 2"]),
]


class SplitTests(SynchronousTestCase):
    def test_table(self) -> None:
        for sql, expected in CASES:
            with self.subTest(sql=sql):
                self.assertEqual(list(split_statements(sql)), expected)
