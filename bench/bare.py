"""A gRPC stream that discards: what transport alone costs, with serializers that do nothing."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc


def discard(messages: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
    """Takes every message, answers once at the end."""
    count = sum(1 for _ in messages)
    yield count.to_bytes(8, "little")


def main() -> None:
    handler = grpc.stream_stream_rpc_method_handler(discard, None, None)
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bare.Stream", {"Push": handler}),))
    print(f"listening on 127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", file=sys.stderr, flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
