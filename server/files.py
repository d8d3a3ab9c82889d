"""Sending files of run folders: as attachments that no browser runs, whole or in ranges, large ones in pieces."""

import os
import re
from pathlib import Path
from typing import BinaryIO

from fastapi import Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from server.problems import Problem
from server.service import Service
from store.bucket import Bucket, NoSuchRange
from store.folders import RunFolder
from store.listing import is_key, is_servable, open_file
from worker.places import run_folder, runs_place

MEDIA_TYPE = "application/octet-stream"  # whatever it is: what agents leave is hostile
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",
}
ONE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")
RANGE_HEADER_LIMIT = 200  # characters
NOT_THERE = "there is no such file below the run folders"


def file_response(path: str, service: Service, *, byte_range: str | None) -> Response:
    """Answer with a file by its path relative to the runs folder.

    Args:
        path: from a client, so it may be anything.
        service: this server's open parts.
        byte_range: the header Range.

    Raises:
        Problem: 404, there is no such file of a run; 416, it has no such part.
    """
    group, _, name = path.partition("/")
    if not is_servable(path) or not name:
        raise Problem(404, NOT_THERE)
    folder = _run_folder(group, service)
    filename = name.rpartition("/")[2]
    if folder.bucket is not None:
        return _object_response(folder.bucket, name, filename=filename, byte_range=byte_range)
    file = open_file(folder.path, name)
    if file is None:
        raise Problem(404, NOT_THERE)
    return _OpenFileResponse(file, filename=filename)


def _run_folder(group: str, service: Service) -> RunFolder:
    """Open the folder of the run that is called `group`, where it is in this server's runs folder."""
    run = service.store.run_of_folder(group)
    if run is None:
        raise Problem(404, NOT_THERE)
    place = runs_place(service.settings)
    folder = run_folder(run.run_dir, service.settings)
    address = place.address if place.bucket is not None else str(place.folder.resolve())
    if folder.address != f"{address}/{group}":
        raise Problem(404, f"the folder of this run is not in the server's runs folder: {NOT_THERE}")
    return folder


class _OpenFileResponse(FileResponse):
    """Sends an open file and closes it. Where it was in the folder does not matter any more."""

    def __init__(self, file: BinaryIO, *, filename: str) -> None:
        self._file = file
        super().__init__(
            Path(f"/dev/fd/{file.fileno()}"),
            filename=filename,
            media_type=MEDIA_TYPE,
            headers=HEADERS,
            stat_result=os.fstat(file.fileno()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await super().__call__(scope, receive, send)


def _object_response(bucket: Bucket, name: str, *, filename: str, byte_range: str | None) -> Response:
    if not is_key(name):
        raise Problem(404, NOT_THERE)
    wanted = byte_range if byte_range and ONE_RANGE.fullmatch(byte_range[:RANGE_HEADER_LIMIT]) else None
    try:
        found = bucket.stream(name, byte_range=wanted)
    except NoSuchRange as error:
        size = bucket.size(name)
        raise Problem(416, "the file has no such part", headers={"Content-Range": f"bytes */{size}"}) from error
    if found is None:
        raise Problem(404, NOT_THERE)
    headers = {"Content-Length": str(found.size), "Accept-Ranges": "bytes", "ETag": found.etag, **HEADERS}
    if found.content_range is not None:
        headers["Content-Range"] = found.content_range
    headers["Content-Disposition"] = FileResponse(name, filename=filename).headers["content-disposition"]
    status = 200 if found.content_range is None else 206
    return StreamingResponse(found.pieces, status_code=status, headers=headers, media_type=MEDIA_TYPE)
