"""sora.config.s3"""

from twisted.trial.unittest import SynchronousTestCase

from sora.config.load import loads

FIRST = """
[s3]
endpoint = "one.example.com"
region = "eu-1"
bucket = "mail"
access_key = "AK1"
secret_key = "SK1"
path_style = true
checksum = "md5"
"""


class SecondTests(SynchronousTestCase):
    """What the second bucket is reached with."""

    def test_another_bucket_of_the_same_store(self) -> None:
        s3 = loads(FIRST + '[s3.second]\nbucket = "copy"\n').config.s3.of_second
        self.assertEqual((s3.endpoint, s3.region, s3.bucket), ("one.example.com", "eu-1", "copy"))
        self.assertEqual((s3.access_key, s3.secret_key), ("AK1", "SK1"))
        self.assertEqual((s3.path_style, s3.checksum), (True, "md5"))

    def test_another_store_has_settings_of_its_own(self) -> None:
        second = (
            '[s3.second]\nendpoint = "two.example.com"\nregion = "us-2"\nbucket = "copy"\n'
            'access_key = "AK2"\nsecret_key = "SK2"\nsse = "AES256"\n'
        )
        s3 = loads(FIRST + second).config.s3.of_second
        self.assertEqual((s3.endpoint, s3.region, s3.bucket), ("two.example.com", "us-2", "copy"))
        self.assertEqual((s3.access_key, s3.secret_key), ("AK2", "SK2"))
        self.assertEqual((s3.path_style, s3.checksum, s3.sse), (False, "sha256", "AES256"))
