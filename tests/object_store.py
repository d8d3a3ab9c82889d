"""An S3 server of a test's own: moto's, in a process of its own, forgotten with it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "bench"
SECRET = "sesame-open"

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()  # until the test is gone
"""


@contextmanager
def throwaway_s3() -> Iterator[dict[str, str]]:
    """Run an S3 server with one bucket while the context lasts; gives the variables by which it is found."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            found = {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
            }
            s3_client(found).create_bucket(Bucket=BUCKET)
            yield found
        finally:
            server.kill()


def s3_client(known: dict[str, str]) -> "S3Client":
    """A client beside the code under test."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=known["AWS_ENDPOINT_URL"],
        aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        region_name=known["AWS_REGION"],
    )


def keys(known: dict[str, str], prefix: str = "") -> list[str]:
    """The keys of the test's bucket, by the client beside the code under test."""
    pages = s3_client(known).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", ())]
