"""The replicated PostgreSQL of the tests does what it says."""

from twisted.trial.unittest import TestCase

from sora.app.processes import is_alive
from trial_tests.support.replication import ReplicatedServer, base_backup, replicated


class ReplicatedServersTests(TestCase):
    timeout = 120

    def test_a_replica_lags_catches_up_and_takes_over(self) -> None:
        servers = replicated(self, synchronous=True)
        primary, replica = servers.primary, servers.replicas[0]
        primary.administer("CREATE TABLE t (n integer)", "sora")
        replica.wait_for(primary)
        replica.pause_replay()
        primary.administer("INSERT INTO t VALUES (1)", "sora")
        self.assertEqual(replica.value("SELECT count(*) FROM t", "sora"), 0)
        replica.resume_replay()
        replica.wait_for(primary)
        self.assertEqual(replica.value("SELECT count(*) FROM t", "sora"), 1)
        self.assertEqual((primary.timeline, replica.timeline), (1, 1))
        backup = ReplicatedServer(servers.directory / "backup")
        base_backup(primary, backup.directory)

        primary.kill()
        replica.promote()
        self.assertEqual((replica.is_replica, replica.timeline), (False, 2))
        replica.administer("INSERT INTO t VALUES (2)", "sora")
        primary.become_replica_of(replica)
        primary.wait_for(replica)
        self.assertEqual(primary.value("SELECT count(*) FROM t", "sora"), 2)
        self.assertTrue(primary.is_replica)

        self.addCleanup(backup.kill)
        backup.start()
        self.assertEqual(backup.value("SELECT count(*) FROM t", "sora"), 1)

        replica.pause()
        pids = replica._pids()
        replica.resume()
        self.assertEqual(replica.value("SELECT count(*) FROM t", "sora"), 2)
        servers.remove()
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
