"""A channel to a farm's server: its credentials, its calls, and what went wrong in words."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Callable, Iterator, Optional

import grpc

from . import tilewright_pb2 as pb

# As proto/channel.h bounds messages.
_MOST_BYTES = 64 << 20
# Methods that answer with many messages.
_STREAMS = {"WatchJob", "FetchBlob"}


class FarmError(Exception):
    """A call that the farm refused or that did not reach it.

    `code` is gRPC's name of the kind, such as "NOT_FOUND"; the text is the farm's own.
    """

    def __init__(self, code: str, text: str):
        super().__init__(text)
        self.code = code


def _read(folder: pathlib.Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise FarmError("UNAUTHENTICATED", f"no certificate: {error}") from error


def _is_local(address: str) -> bool:
    host = address.rsplit(":", 1)[0].strip("[]")
    return address.startswith("unix:") or host in ("localhost", "::1") or host.startswith("127.")


def _channel(address: str, tls: Optional[os.PathLike], insecure: bool) -> grpc.Channel:
    options = [
        ("grpc.max_receive_message_length", _MOST_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 1000),
        ("grpc.max_reconnect_backoff_ms", 10000),
    ]
    if tls is None:
        if not insecure and not _is_local(address):
            raise ValueError(
                f"dialling {address} without TLS would trust whoever answers; pass tls=FOLDER "
                "(see `tilewright certs`), or insecure=True where everyone is trusted"
            )
        return grpc.insecure_channel(address, options)
    folder = pathlib.Path(tls)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_read(folder, "ca.pem"),
        private_key=_read(folder, "key.pem"),
        certificate_chain=_read(folder, "cert.pem"),
    )
    return grpc.secure_channel(address, credentials, options)


class Transport:
    """Calls of TuningService by name. Thread-safe, as gRPC's channels are."""

    def __init__(self, address: str, tls: Optional[os.PathLike] = None, insecure: bool = False):
        self._address = address
        self._grpc = _channel(address, tls, insecure)
        self._calls = {m.name: self._call_of(m) for m in self._service().methods}

    @staticmethod
    def _service() -> Any:
        return pb.DESCRIPTOR.services_by_name["TuningService"]

    def _call_of(self, method: Any) -> Callable[..., Any]:
        make = self._grpc.unary_stream if method.name in _STREAMS else self._grpc.unary_unary
        return make(
            f"/{self._service().full_name}/{method.name}",
            request_serializer=getattr(pb, method.input_type.name).SerializeToString,
            response_deserializer=getattr(pb, method.output_type.name).FromString,
        )

    def call(self, name: str, request: Any, timeout: Optional[float]) -> Any:
        try:
            return self._calls[name](request, timeout=timeout)
        except grpc.RpcError as error:
            raise self._error(error) from None

    def stream(self, name: str, request: Any) -> Iterator[Any]:
        answers = self._calls[name](request)
        try:
            yield from answers
        except grpc.RpcError as error:
            raise self._error(error) from None
        finally:
            answers.cancel()

    def _error(self, error: grpc.RpcError) -> FarmError:
        code = error.code().name
        text = error.details()
        return FarmError(code, f"no server answers at {self._address}: {text}"
                         if code == "UNAVAILABLE" else text)

    def close(self) -> None:
        self._grpc.close()
