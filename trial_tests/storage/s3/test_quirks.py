"""What stores of different providers want, say and do (G12): over real HTTP and TLS."""

import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from attrs import evolve
from blake3 import blake3
from cryptography.x509 import DNSName
from prometheus_client import CollectorRegistry
from twisted.internet import reactor, ssl
from twisted.internet._resolver import SimpleResolverComplexifier
from twisted.internet.defer import succeed
from twisted.internet.interfaces import IReactorPluggableNameResolver, IResolverSimple
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from sora.breaker import State
from sora.errors import StoreRefused, Unavailable
from sora.metrics.bodies import ObjectMetrics
from sora.retry import Delays
from sora.storage.s3.answers import Answer, failure
from sora.storage.s3.attempts import Kind
from sora.storage.s3.client import S3Client
from sora.storage.s3.objects import S3Objects
from sora.tls.self_signed import self_signed
from trial_tests.storage.contracts.objects import LARGE, SMALL
from trial_tests.storage.s3.fake import FakeS3, Fault
from trial_tests.storage.s3.test_objects import PREFIX, _FakeTestCase
from trial_tests.support.authority import authority


class ThrottlingTests(_FakeTestCase):
    """A store that wants to be left alone."""

    async def test_it_is_asked_again_when_it_says(self) -> None:
        """429 and 503 SlowDown with Retry-After: no attempt is used up before (G5)."""
        for status, code in ((503, "SlowDown"), (429, "TooManyRequests")):
            self.fake.requests.clear()
            self.fake.faults.append(Fault(status, code, headers={"Retry-After": "1"}))
            begun = reactor.seconds()
            await self.put(SMALL)
            self.assertGreaterEqual(reactor.seconds() - begun, 1.0)
            self.assertEqual(len(self.fake.requests), 2)

    async def test_nobody_waits_here_for_a_minute(self) -> None:
        """Who has more patience tries again: the upload workers."""
        self.fake.faults.append(Fault(503, "SlowDown", headers={"Retry-After": "60"}))
        with self.assertRaises(Unavailable):
            await self.put(SMALL)
        self.assertEqual(len(self.fake.requests), 1)


class RefusalTests(_FakeTestCase):
    """An error says what an operator can do."""

    async def refusal(self, fault: Fault) -> str:
        self.fake.faults.append(fault)
        with self.assertRaises(StoreRefused) as caught:
            await self.objects.get(uuid4(), 0, 1)
        return caught.exception.text

    async def test_the_bucket_is_in_another_region(self) -> None:
        headers = {"x-amz-bucket-region": "eu-west-1"}
        for fault in (
            Fault(301, "PermanentRedirect", headers=headers),
            Fault(307, "TemporaryRedirect", headers=headers | {"Location": "https://elsewhere/"}),
            Fault(400, "AuthorizationHeaderMalformed", headers=headers),
            Fault(
                400,
                "AuthorizationHeaderMalformed",
                message="the region is wrong</Message><Region>eu-west-1</Region><Message>",
            ),
        ):
            self.assertIn('set [s3] region = "eu-west-1"', await self.refusal(fault))

    async def test_the_bucket_is_at_another_endpoint(self) -> None:
        message = "use it</Message><Endpoint>mail.s3.example.com</Endpoint><Message>"
        said = await self.refusal(Fault(301, "PermanentRedirect", message=message))
        self.assertIn("at mail.s3.example.com", said)
        self.assertIn("check [s3] endpoint and region", await self.refusal(Fault(302)))

    async def test_the_store_does_not_know_a_header(self) -> None:
        """It is not asked again, and trips nothing (G5)."""
        said = await self.refusal(Fault(501, "NotImplemented"))
        self.assertIn('checksum = "md5"', said)
        self.assertEqual(len(self.fake.requests), 1)

    async def test_a_missing_object_that_may_not_be_listed(self) -> None:
        """G6: without ListBucket AWS answers 403 for what is not there. That proves nothing."""
        for ask in (lambda: self.objects.get(uuid4(), 0, 1), lambda: self.objects.exists(uuid4())):
            self.fake.faults.append(Fault(403, "AccessDenied"))
            with self.assertRaises(StoreRefused):
                await ask()
        self.fake.faults.append(Fault(403, "AccessDenied"))
        self.assertIsNone(await self.objects.probe())

    async def test_a_missing_object_is_deleted_whatever_the_answer(self) -> None:
        """G12: 204 of AWS, 404 of others."""
        self.fake.faults.append(Fault(204))
        await self.objects.delete(uuid4())
        await self.objects.delete(uuid4())

    async def test_checksums_that_nobody_asked_for(self) -> None:
        """Stores answer with checksums of other kinds."""
        self.fake.faults.append(
            Fault(200, headers={"x-amz-checksum-crc64nvme": "AAAA", "ETag": '"abc-1"'})
        )
        await self.put(SMALL)


class RoomTests(SynchronousTestCase):
    """A store without room is tried again: mail is staged meanwhile, and nothing is given up."""

    def test_it_is_full(self) -> None:
        for status, code in (
            (507, "XMinioStorageFull"),
            (507, ""),
            (403, "QuotaExceeded"),
            (400, "XMinioAdminBucketQuotaExceeded"),
        ):
            body = f"<Error><Code>{code}</Code></Error>".encode()
            error = failure(Answer(status, body, {}), "PUT of a", datetime.now(UTC))
            self.assertIsInstance(error, Unavailable)
            self.assertIn("make room in the store", error.text)

    def test_it_is_asked_too_often(self) -> None:
        body = b"<Error><Code>SlowDown</Code><Message>Don&#39;t</Message></Error>"
        error = failure(Answer(503, body, {}), "PUT of a", datetime.now(UTC))
        self.assertIsInstance(error, Unavailable)
        self.assertEqual(
            error.text,
            "The object store answered 503 SlowDown to PUT of a: Don't; ask for a higher limit"
            " there, or lower [upload] workers",
        )


class RightsTests(_FakeTestCase):
    """A key that may not do everything."""

    async def test_the_right_is_named_and_remembered_until_it_is_there(self) -> None:
        name = self.keep(SMALL)
        self.fake.faults.append(Fault(403, "AccessDenied"))
        with self.assertRaises(StoreRefused) as caught:
            await self.objects.delete(name)
        self.assertIn("allow the key s3:DeleteObject", caught.exception.text)
        self.assertEqual(self.objects.refusals, {Kind.DELETE: caught.exception.text})
        await self.objects.delete(name)
        self.assertEqual(self.objects.refusals, {})

    async def test_all_that_is_done_there_is_tried(self) -> None:
        """A GET of what is not there, a PUT with its DELETE, and a DELETE: nothing stays."""
        await self.objects.try_all()
        self.assertEqual(
            [method for method, _ in self.fake.requests], ["GET", "PUT", "DELETE", "DELETE"]
        )
        self.assertEqual(self.fake.objects, {})
        self.fake.faults.extend([None, Fault(403, "AccessDenied")])
        with self.assertRaises(StoreRefused) as caught:
            await self.objects.try_all()
        self.assertIn("allow the key s3:PutObject", caught.exception.text)

    async def test_a_key_that_may_not_delete_what_it_has_tried_to_write(self) -> None:
        """The empty object stays, and the store answers all the same."""
        self.fake.faults.extend([None, None, *[Fault(403, "AccessDenied")] * 2])
        with self.assertRaises(StoreRefused) as caught:
            await self.objects.try_all()
        self.assertIn("allow the key s3:DeleteObject", caught.exception.text)
        self.assertEqual(list(self.fake.objects.values()), [b""])
        await self.objects.probe()


class ClockTests(_FakeTestCase):
    """A clock that is wrong."""

    async def test_requests_are_signed_with_the_stores_time(self) -> None:
        moment = datetime.now(UTC) + timedelta(hours=2)
        skewed = Fault(
            403, "RequestTimeTooSkewed", headers={"Date": format_datetime(moment, usegmt=True)}
        )
        self.fake.faults.append(skewed)
        with capturedLogs() as logs:
            await self.put(SMALL)
        sent = datetime.strptime(self.fake.headers[-1]["x-amz-date"], "%Y%m%dT%H%M%SZ")
        ahead = sent.replace(tzinfo=UTC) - datetime.now(UTC)
        self.assertLess(abs(ahead - timedelta(hours=2)), timedelta(minutes=1))
        warned = [each for each in logs if each["log_level"] is LogLevel.warn]
        self.assertEqual(len(warned), 1)
        self.assertRegex(self.objects.skew, "clock is 7[12][0-9][0-9] seconds behind that of")
        # The same again: it is not the clock.
        self.fake.faults.append(skewed)
        with self.assertRaises(StoreRefused) as caught:
            await self.put(SMALL)
        self.assertIn("set this machine's clock", caught.exception.text)

    async def test_a_clock_that_is_ahead_and_one_that_was_set(self) -> None:
        def skewed(hours: float) -> Fault:
            moment = datetime.now(UTC) + timedelta(hours=hours)
            date = {"Date": format_datetime(moment, usegmt=True)}
            return Fault(403, "RequestTimeTooSkewed", headers=date)

        self.fake.faults.append(skewed(-1))
        await self.objects.try_all()
        self.assertRegex(self.objects.skew, "clock is 36[0-9][0-9] seconds ahead of that of")
        self.fake.faults.append(skewed(0))
        await self.put(SMALL)
        self.assertEqual(self.objects.skew, "")


class BreakerTests(_FakeTestCase):
    """G11: operations of one kind fail by themselves."""

    def store(self, **other: Any) -> S3Objects:
        self.metrics = CollectorRegistry()
        objects = S3Objects(
            S3Client(evolve(self.fake.config, **other), reactor, self.threads),
            name="s3",
            prefix=PREFIX,
            clock=reactor,
            random=Random(1),
            metrics=ObjectMetrics(self.metrics),
            delays=Delays(first=0.001, longest=0.01, attempts=1),
            failures=3,
            breaker_delays=Delays(first=0.01, longest=0.05),
        )
        self.addCleanup(objects.stop)
        return objects

    def is_open(self, kind: str) -> float | None:
        return self.metrics.get_sample_value(
            "sora_s3_circuit_breaker_open", {"store": "s3", "operation": kind}
        )

    async def test_a_store_that_refuses_to_write_is_read(self) -> None:
        name = self.keep(SMALL)
        self.fake.refusing.add("PUT")
        with capturedLogs() as logs:
            for _ in range(3):
                with self.assertRaises(Unavailable):
                    await self.put(SMALL)
        said = [str(each.get("log_format")) for each in logs]
        self.assertTrue(any("circuit breaker" in each for each in said))
        self.assertEqual([self.is_open(kind) for kind in Kind], [0, 1, 0, 0])
        self.assertEqual(await self.objects.get(name, 0, len(SMALL)), SMALL)
        self.assertEqual(await self.objects.exists(name), len(SMALL))
        await self.objects.delete(name)
        # While it refuses, a probe asks now and then; then it closes by itself.
        asked = len(self.fake.requests)
        while len(self.fake.requests) < asked + 3:
            await deferLater(reactor, 0.01, lambda: None)
        self.assertIsNot(self.objects.breakers[Kind.PUT].state, State.CLOSED)
        self.fake.refusing.clear()
        while self.objects.breakers[Kind.PUT].is_open:
            await deferLater(reactor, 0.01, lambda: None)
        await self.put(SMALL)
        self.assertNotIn(f"/fake/{PREFIX}probe", self.fake.objects)

    async def test_each_kind_has_a_probe_of_its_own(self) -> None:
        name = self.keep(SMALL)
        for kind, method, call in (
            (Kind.GET, "GET", lambda: self.objects.get(name, 0, 1)),
            (Kind.DELETE, "DELETE", lambda: self.objects.delete(name)),
            (Kind.HEAD, "GET", lambda: self.objects.exists(name)),
        ):
            self.fake.refusing.add(method)
            breaker = self.objects.breakers[kind]
            while not breaker.is_open:
                with self.assertRaises(Unavailable):
                    await call()
            self.fake.refusing.clear()
            while breaker.is_open:
                await deferLater(reactor, 0.01, lambda: None)
            self.assertEqual(self.objects.breakers[Kind.PUT].state, State.CLOSED)


class ConnectionTests(_FakeTestCase):
    """Connections are used again."""

    async def test_many_requests_over_one(self) -> None:
        for number in range(20):
            name = await self.put(SMALL * (number + 1))
            await self.objects.get(name, 0, len(SMALL))
        self.assertEqual(len(self.fake.requests), 40)
        self.assertEqual(self.fake.connections, 1)

    async def test_a_range_of_a_large_object_is_that_range(self) -> None:
        """What is asked for of 40 MB, in octets."""
        data = LARGE * 13
        name = self.keep(data)
        self.assertEqual(
            await self.objects.get(name, 20_000_000, 20_001_000), data[20_000_000:][:1000]
        )
        self.assertEqual(self.fake.headers[-1]["range"], "bytes=20000000-20000999")


class KeysTests(_FakeTestCase):
    """Where keys come from; what they sign is verified."""

    async def test_signatures_of_everything(self) -> None:
        self.fake.secret_of = {"AK": "SK"}
        for settings in (
            {"sse": "AES256"},
            {"sse": "aws:kms", "sse_kms_key_id": "arn:aws:kms:eu-1:1:key/a b"},
            {"checksum": "md5"},
            {"checksum": "none"},
            {"region": "eu-central-1"},
        ):
            objects = self.store(**settings)
            name = await self.put(LARGE, objects)
            self.assertEqual(await objects.get(name, 5, 10), LARGE[5:10])
            await objects.delete(name)
        with self.assertRaises(StoreRefused):
            await self.put(SMALL, self.store(secret_key="other"))

    async def test_keys_of_the_environment(self) -> None:
        self.environment(AWS_ACCESS_KEY_ID="EK", AWS_SECRET_ACCESS_KEY="ES", AWS_SESSION_TOKEN="T")
        self.fake.secret_of = {"EK": "ES"}
        await self.put(SMALL, self.store(access_key="", secret_key=""))
        self.assertEqual(self.fake.headers[-1]["x-amz-security-token"], "T")

    async def test_keys_of_a_profile(self) -> None:
        file = Path(self.mktemp())
        file.write_text("[mail]\naws_access_key_id = PK\naws_secret_access_key = PS\n")
        self.environment(AWS_PROFILE="mail", AWS_SHARED_CREDENTIALS_FILE=str(file))
        self.fake.secret_of = {"PK": "PS"}
        await self.put(SMALL, self.store(access_key="", secret_key=""))

    async def test_keys_that_expire_are_renewed_and_nobody_waits_for_each(self) -> None:
        """Of a container or an instance: asked in a thread, once for all who wait."""
        role = Role()
        self.addCleanup(role.close)
        self.environment(AWS_CONTAINER_CREDENTIALS_FULL_URI=role.url)
        self.fake.secret_of = {f"RK{number}": f"RS{number}" for number in range(9)}
        objects = self.store(access_key="", secret_key="")
        role.lives_for = 5 * 60  # seconds: less than they are used for
        names = [self.keep(SMALL) for _ in range(5)]
        await objects.get_many([(name, len(SMALL)) for name in names])
        self.assertEqual(role.asked, 2)  # the first ones were too old when they came
        role.lives_for = 12 * 60  # renewed in the background
        await objects.get_many([(name, len(SMALL)) for name in names])
        self.assertEqual(role.asked, 3)
        role.lives_for = 6 * 3600
        await objects.get(names[0], 0, 1)
        while role.asked < 4:
            await deferLater(reactor, 0.01, lambda: None)
        await deferLater(reactor, 0.05, lambda: None)
        await objects.get_many([(name, len(SMALL)) for name in names])
        self.assertEqual(role.asked, 4)
        self.assertIn("Credential=RK4/", self.fake.headers[-1]["authorization"])

    async def test_a_role_that_cannot_be_asked_is_no_refusal(self) -> None:
        """G5: uploads wait for it."""
        self.environment(
            AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:1/none",
            AWS_METADATA_SERVICE_NUM_ATTEMPTS="1",
        )
        objects = self.store(access_key="", secret_key="")
        with self.assertRaises(Unavailable) as caught:
            await objects.get(uuid4(), 0, 1)
        self.assertIn("keys", caught.exception.text)
        self.assertEqual(self.fake.requests, [])

    async def test_no_keys_at_all(self) -> None:
        self.environment()
        with self.assertRaises(StoreRefused) as caught:
            await self.put(SMALL, self.store(access_key="", secret_key=""))
        self.assertIn("access_key", caught.exception.text)

    def environment(self, **names: str) -> None:
        """Nothing of AWS but this."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        nowhere = str(Path(self.mktemp()).absolute())
        files = {"AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_CONFIG_FILE": nowhere}
        no_instance = {"AWS_EC2_METADATA_DISABLED": "true"}
        self.patch(os, "environ", mine | files | no_instance | names)


class Role:
    """The service that gives the keys of a role to a container."""

    def __init__(self) -> None:
        self.asked = 0
        self.lives_for = 3600.0
        role = self

        class Page(Resource):
            isLeaf = True

            def render_GET(self, request: Request) -> bytes:
                role.asked += 1
                request.notifyFinish().addCallback(lambda _: request.transport.loseConnection())
                ends = datetime.now(UTC) + timedelta(seconds=role.lives_for)
                return (
                    f'{{"AccessKeyId": "RK{role.asked}", "SecretAccessKey": "RS{role.asked}",'
                    f' "Token": "T", "Expiration": "{ends:%Y-%m-%dT%H:%M:%SZ}"}}'
                ).encode()

        self._port = reactor.listenTCP(0, Site(Page()), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.getHost().port}/role"

    def close(self) -> Any:
        return self._port.stopListening()


@implementer(IResolverSimple)
class EveryName:
    """Every name is this machine."""

    def getHostByName(self, name: str, timeout: object = None) -> Any:
        return succeed("127.0.0.1")


@implementer(IReactorPluggableNameResolver)
class Here:
    """The reactor, with a name service of its own."""

    nameResolver = SimpleResolverComplexifier(EveryName())

    def installNameResolver(self, resolver: object) -> None:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


class TLSTests(_FakeTestCase):
    """HTTPS with an authority of one's own, and the bucket in front of the host."""

    async def setUp(self) -> None:
        super().setUp()
        made = self_signed(Path(self.mktemp()).absolute(), "fake.store.example", datetime.now(UTC))
        self.ca_file = str(made.cert_file)
        tls = ssl.DefaultOpenSSLContextFactory(str(made.key_file), str(made.cert_file))
        self.secure = FakeS3(tls)
        self.addCleanup(self.secure.close)

    def https(self, **other: Any) -> S3Objects:
        config = evolve(
            self.secure.config,
            use_ssl=True,
            path_style=False,
            endpoint=f"store.example:{self.secure.port}",
            **{"ca_file": self.ca_file, "checksum": "none", **other},
        )
        objects = S3Objects(
            S3Client(config, Here(), self.threads),
            name="s3",
            prefix=PREFIX,
            clock=reactor,
            random=Random(1),
            delays=Delays(first=0.001, longest=0.01, attempts=1),
        )
        self.addCleanup(objects.stop)
        return objects

    async def test_the_bucket_is_in_front_of_the_host(self) -> None:
        """Virtual host style; and what is not hashed is not signed, because TLS protects it."""
        objects = self.https()
        self.secure.objects[f"/{PREFIX}{(name := uuid4())}"] = SMALL
        self.assertEqual(await objects.get(name, 0, len(SMALL)), SMALL)
        self.assertEqual(self.secure.headers[-1]["host"], f"fake.store.example:{self.secure.port}")
        self.secure.faults.append(Fault(200))
        await objects.put(uuid4(), lambda: BytesIO(SMALL), len(SMALL), blake3(SMALL).digest())
        self.assertEqual(self.secure.headers[-1]["x-amz-content-sha256"], "UNSIGNED-PAYLOAD")

    async def test_an_authority_that_nobody_knows_is_refused(self) -> None:
        said = await self.refused(self.https(ca_file=""))
        self.assertIn("its certificate is not trusted: it was issued by CN=", said)
        self.assertIn("set [s3] ca_file", said)

    async def test_a_certificate_of_another_host_is_refused(self) -> None:
        said = await self.refused(self.https(bucket="other"))
        self.assertIn("fake.store.example, 127.0.0.1, ::1, and not for other.store.example", said)
        self.assertIn("set [s3] endpoint", said)

    async def test_a_certificate_that_is_over_or_is_to_come(self) -> None:
        for begin, end, words in (
            (-30, -3, ("has expired on ", "renew it there")),
            (3, 30, ("is valid from ", "set this machine's clock")),
        ):
            root = authority("Test authority")
            issued = root.issue(
                "store",
                [DNSName("fake.store.example")],
                begin=timedelta(days=begin),
                end=timedelta(days=end),
            )
            directory = Path(self.mktemp()).absolute()
            directory.mkdir()
            cert_file, key_file = issued.write(directory, "store")
            tls = ssl.DefaultOpenSSLContextFactory(str(key_file), str(cert_file))
            self.secure = FakeS3(tls)
            self.addCleanup(self.secure.close)
            ca_file, _ = root.write(directory, "root")
            said = await self.refused(self.https(ca_file=str(ca_file)))
            for word in words:
                self.assertIn(word, said)

    async def refused(self, objects: S3Objects) -> str:
        """What is said of its certificate; the store is asked nothing."""
        with self.assertRaises(Unavailable) as caught:
            await objects.get(uuid4(), 0, 1)
        self.assertEqual(self.secure.requests, [])
        return caught.exception.text
