"""Another language's client: it has the server's own description of its calls, protobuf and Arrow, and not a line of ours."""

import secrets
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tests.e2e.server import CALL_S, Server

ROWS = pa.record_batch({"amount": pa.array([float(value % 50) for value in range(500)]), "country": pa.array(["DE", "FR"] * 250)})
FAULTS = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


class Stranger:
    """Calls by name, messages by field, both as the server describes them."""

    def __init__(self, server: Server) -> None:
        self._channel = server.channel()
        self._database = ProtoReflectionDescriptorDatabase(self._channel)
        self._pool = descriptor_pool.DescriptorPool(self._database)

    def methods(self) -> list[MethodDescriptor]:
        """Every call of ours."""
        names = [name for name in self._database.get_services() if name.startswith("driftline.")]
        return [method for name in names for method in self._pool.FindServiceByName(name).methods]

    def message(self, type_: str, **fields: Any) -> Any:
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"driftline.v1.{type_}"))(**fields)

    def call(self, name: str, *requests: Any, timeout: float = CALL_S) -> list[Any]:
        """The responses of a call, one for a unary one."""
        method = next(method for method in self.methods() if method.name == name)
        kind = {False: "unary", True: "stream"}
        invoke = getattr(self._channel, f"{kind[method.client_streaming]}_{kind[method.server_streaming]}")(
            f"/{method.containing_service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        answer = invoke(iter(requests) if method.client_streaming else requests[0], timeout=timeout)
        return list(answer) if method.server_streaming else [answer]

    def status(self, name: str, request: Any, timeout: float) -> grpc.StatusCode:
        """How a call ends."""
        try:
            self.call(name, request, timeout=timeout)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK


def test_every_call_is_described_and_answered(server: Server) -> None:
    stranger = Stranger(server)
    methods = stranger.methods()
    assert {"CreateEndpoint", "SetReference", "Push", "GetDrift", "GetHistory", "ListAlerts"} <= {method.name for method in methods}
    for method in methods:
        empty = message_factory.GetMessageClass(method.input_type)()
        patience_s = 2.0 if method.server_streaming else CALL_S  # a stream may well have nothing to say
        status = stranger.status(method.name, empty, patience_s)
        assert status not in FAULTS, method.full_name
        assert status is not grpc.StatusCode.DEADLINE_EXCEEDED or method.server_streaming, method.full_name


def test_an_endpoint_lives_its_whole_life_by_plain_protobuf(server: Server) -> None:
    stranger = Stranger(server)
    schema = ROWS.schema.serialize().to_pybytes()
    payload = ROWS.serialize().to_pybytes()
    reference = {"schema": schema, "payload": payload}
    spec = stranger.message("CreateEndpointRequest", spec={"name": "shop/scorer", "features": ["amount", "country"]})
    rest = {"chunk": reference}, {"end": {"rows": ROWS.num_rows}}
    (created,) = stranger.call("CreateEndpoint", spec, *(stranger.message("CreateEndpointRequest", **part) for part in rest))
    name = created.endpoint.name
    assert name == "shop/default/scorer:latest"

    opening = {"handle": 7, "endpoint": name, "producer_id": secrets.token_bytes(16), "epoch": 1, "schema": schema}
    batches = [{"handle": 7, "sequence": sequence, "payload": payload} for sequence in (1, 2, 3)]
    requests = [stranger.message("PushRequest", open=opening), *(stranger.message("PushRequest", batch=each) for each in batches)]
    responses = stranger.call("Push", *requests)
    assert [opened.handle for response in responses for opened in response.opened] == [7]
    acks = [ack for response in responses for ack in response.acks]
    assert max(ack.sequence for ack in acks) == 3
    assert not any(ack.rejected for ack in acks)

    (listed,) = stranger.call("ListEndpoints", stranger.message("ListEndpointsRequest", pattern="shop/*"))
    assert [endpoint.counters.rows for endpoint in listed.endpoints] == [1500]
    (report,) = stranger.call("GetDrift", stranger.message("GetDriftRequest", endpoint=name))
    assert (report.rows, report.drift, len(report.columns)) == (1500, 0.0, 2)
    (found,) = stranger.call("GetHistogram", stranger.message("GetHistogramRequest", endpoint=name, column="country"))
    assert [(each.category, each.current) for each in found.bins[:2]] == [("DE", 750), ("FR", 750)]

    again = {"spec": {"name": name}}, *rest
    (changed,) = stranger.call("SetReference", *(stranger.message("SetReferenceRequest", **part) for part in again))
    assert changed.endpoint.reference_version == 2
    stranger.call("DeleteEndpoint", stranger.message("DeleteEndpointRequest", name=name))
    with pytest.raises(grpc.RpcError) as gone:
        stranger.call("GetEndpoint", stranger.message("GetEndpointRequest", name=name))
    assert gone.value.code() is grpc.StatusCode.NOT_FOUND
