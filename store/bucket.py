"""An object store that speaks S3, behind an address `s3://bucket/prefix`: the one place that knows boto3.

boto3 and not one of the smaller libraries: it answers with error codes where others have texts, knows every
way in which AWS hands out credentials, checks what it transfers, and retries each part of a large object.
It is imported when the first such address is used, and not before: it is the extra `s3`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from core.errors import InputError, ServiceUnavailable

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client

SCHEME = "s3://"
ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?P<prefix>(/[A-Za-z0-9!_.*'()=+:@,-]+)*)/?")
PIECE_BYTES = 256 << 10
CONNECT_SECS, ANSWER_SECS, ATTEMPTS = 5, 60, 5

# boto3's parameters and the variables they come from, best first. What is set nowhere, boto3 looks for by itself:
# ~/.aws, single sign-on, the role of the machine or the container.
VARIABLES = {
    "aws_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "aws_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "aws_session_token": ("AWS_SESSION_TOKEN",),
    "region_name": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "endpoint_url": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
}
REASONS = {
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "access is denied",
    "403": "access is denied",
    "InvalidAccessKeyId": "the access key is unknown",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "ExpiredToken": "the session token has expired",
}


def is_remote(address: object) -> bool:
    """Whether an address names an object store and not a folder."""
    return str(address).startswith(SCHEME)


class NoSuchRange(InputError):
    """The part of an object that was asked for is outside of it."""


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """An object, or a part of one, to be read piece by piece."""

    size: int  # bytes of what is given
    content_range: str | None  # `bytes first-last/all`; None where all of it is given
    etag: str
    pieces: Iterator[bytes]  # raises ServiceUnavailable; ends the transfer where it is closed


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The objects below a prefix of a bucket. Keys are relative to the prefix. Safe to use from any thread.

    All methods raise `core.errors.ServiceUnavailable` where the object store refuses or does not answer.
    """

    name: str
    prefix: str  # empty, or ends with a slash
    client: "S3Client"

    @classmethod
    def open(cls, address: str, known: Mapping[str, str]) -> Self:
        """Open `s3://bucket/prefix`. Nothing is sent yet.

        Args:
            address: of the bucket, and where in it.
            known: variables by name: the environment, and what stands for it.

        Raises:
            InputError: the address is wrong, or the extra `s3` is not installed.
        """
        found = ADDRESS.fullmatch(address)
        if found is None:
            raise InputError(f"{shown(address)}: expected s3://bucket/prefix, lower-case bucket, plain characters")
        given = {
            name: value
            for name, variables in VARIABLES.items()
            if (value := next((known[variable] for variable in variables if known.get(variable)), None))
        }
        prefix = found["prefix"].strip("/")
        return cls(name=found["bucket"], prefix=f"{prefix}/" if prefix else "", client=_client(tuple(given.items())))

    @property
    def address(self) -> str:
        """Where this is, without a slash at the end."""
        return f"{SCHEME}{self.name}/{self.prefix}".rstrip("/")

    def below(self, name: str) -> Self:
        """Give the objects below a further prefix."""
        return type(self)(name=self.name, prefix=f"{self.prefix}{name}/", client=self.client)

    def check(self) -> None:
        """Ask for a sign of life. Raises InputError with one line that says what is wrong."""
        try:
            next(self.objects(), None)
        except ServiceUnavailable as error:
            raise InputError(str(error)) from error

    def put(self, key: str, content: bytes) -> None:
        """Write an object: readers see the old content or the new one."""
        with self._translated():
            self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=content)

    def create(self, key: str, content: bytes) -> bool:
        """Write an object unless it is there; gives whether it was not. Of several writers, one succeeds."""
        from botocore.exceptions import ClientError

        with self._translated():
            try:
                self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=content, IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict", "412"):
                    return False
                raise
            return True

    def get(self, key: str) -> bytes | None:
        """Give an object's content, None where there is none."""
        with self._translated():
            try:
                return self.client.get_object(Bucket=self.name, Key=self.prefix + key)["Body"].read()
            except self.client.exceptions.NoSuchKey:
                return None

    def stream(self, key: str, *, byte_range: str | None = None) -> Streamed | None:
        """Open an object, or a part of it; None where there is none.

        Args:
            key: the object.
            byte_range: `bytes=first-last`, either of them may be left out.

        Raises:
            NoSuchRange: the object has no such part.
        """
        from botocore.exceptions import ClientError

        part = {} if byte_range is None else {"Range": byte_range}
        with self._translated():
            try:
                found = self.client.get_object(Bucket=self.name, Key=self.prefix + key, **part)  # type: ignore[arg-type]  # by name
            except self.client.exceptions.NoSuchKey:
                return None
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidRange":
                    raise NoSuchRange(f"{byte_range} is outside of the object") from error
                raise
        return Streamed(
            size=found["ContentLength"],
            content_range=found.get("ContentRange"),
            etag=found["ETag"],
            pieces=self._pieces(found["Body"]),
        )

    def _pieces(self, body: "StreamingBody") -> Iterator[bytes]:
        with self._translated(), closing(body):
            yield from body.iter_chunks(PIECE_BYTES)

    def size(self, key: str) -> int | None:
        """Give an object's size in bytes, None where there is none."""
        return next((size for found, size in self.objects(key) if found == key), None)

    def objects(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Give the keys that start with `prefix`, each with its size in bytes, in the order of the alphabet."""
        with self._translated():
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix + prefix)
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self.prefix), entry["Size"]

    def upload(self, path: Path, key: str, *, threads: bool = True) -> None:
        """Write a file of any size to an object, which appears whole; `threads`: its parts side by side."""
        from boto3.s3.transfer import TransferConfig

        with self._translated():
            config = TransferConfig(use_threads=threads)
            self.client.upload_file(str(path), self.name, self.prefix + key, Config=config)

    def download(self, key: str, path: Path) -> None:
        """Write an object of any size to a file, which appears whole."""
        with self._translated():
            self.client.download_file(self.name, self.prefix + key, str(path))

    def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        with self._translated():
            self.client.delete_object(Bucket=self.name, Key=self.prefix + key)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise ServiceUnavailable(f"the object store {self.address}: {_reason(error, self.client)}") from error


def shown(address: str) -> str:
    """Give an address without what may be a password."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{'***@' if '@' in rest else ''}{rest.rpartition('@')[2]}"


@lru_cache(maxsize=8)
def _client(given: tuple[tuple[str, str], ...]) -> "S3Client":
    """Make a client, which is costly, once for all threads of this process."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError as error:
        raise InputError(
            "addresses with s3:// need boto3, which is not installed: pip install 'mlebench-runner[s3]'"
        ) from error
    parameters = dict(given)
    config = Config(
        connect_timeout=CONNECT_SECS,
        read_timeout=ANSWER_SECS,
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
        max_pool_connections=32,
    )
    try:
        client: S3Client = boto3.session.Session().client("s3", config=config, **parameters)  # type: ignore[call-overload]  # by name
    except (BotoCoreError, ValueError) as error:
        raise InputError(f"the object store cannot be used: {_one_line(str(error))}") from error
    return client


def _reason(error: Exception, client: "S3Client") -> str:
    """Say in one line what is wrong, without anything secret that a URL may carry."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, NoCredentialsError

    for found in (error, error.__context__):  # boto3 wraps the errors of a transfer
        if isinstance(found, ClientError):
            code = found.response["Error"].get("Code", "?")
            return REASONS.get(code) or _one_line(f"{code}: {found.response['Error'].get('Message', '')}")
        if isinstance(found, NoCredentialsError):
            return "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        if isinstance(found, ConnectionError | HTTPClientError):
            host = urlsplit(client.meta.endpoint_url)
            return f"{host.hostname}{f':{host.port}' if host.port else ''} does not answer; check AWS_ENDPOINT_URL"
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    return re.sub(r"//[^/\s]*@", "//***@", text.partition("\n")[0])
