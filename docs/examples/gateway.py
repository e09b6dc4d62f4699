"""A gateway in Python: no generated code, only the stock packages grpcio and grpcio-reflection.

Pushes a contact through one node, loses that stream, and receives the contact's assignment from another node. With
--calls it holds no stream at all: it pushes by a call at one node, and polls the other.

    pip install grpcio grpcio-reflection
    python docs/examples/gateway.py --first HOST:PORT --second HOST:PORT --token TOKEN [--calls]

`ringmain demo` prints addresses and the token of its gateway "guest".
"""

import argparse
import os
import queue
import sys
import time

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

PACKAGE = "ringmain.v1"


class Stream:
    """One session stream of a gateway on one node, with messages found by reflection."""

    def __init__(self, address, token):
        self.channel = grpc.insecure_channel(address)
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))
        self.request = GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.GatewayServiceSessionRequest"))
        response = GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.GatewayServiceSessionResponse"))
        self.outbox = queue.Queue(maxsize=64)
        call = self.channel.stream_stream(
            f"/{PACKAGE}.GatewayService/Session",
            request_serializer=self.request.SerializeToString,
            response_deserializer=response.FromString,
        )
        self.answers = call(iter(self.outbox.get, None), metadata=[("authorization", f"Bearer {token}")], timeout=30)

    def say(self, **message):
        self.outbox.put(self.request(**message))

    def hear(self, *kinds):
        """The next message of one of these kinds; a failure ends the program with its text."""
        for answer in self.answers:
            kind = answer.WhichOneof("message")
            if kind == "failed":
                sys.exit(f"refused: {answer.failed.error.code}: {answer.failed.error.message}")
            if kind in kinds:
                return kind, getattr(answer, kind)
        sys.exit("the stream has ended")

    def close(self):
        self.answers.cancel()
        self.outbox.put(None)
        self.channel.close()


class Calls:
    """Calls of a gateway without a stream, at one node."""

    def __init__(self, address, token):
        self.channel = grpc.insecure_channel(address)
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))
        self.metadata = [("authorization", f"Bearer {token}")]

    def call(self, method, **fields):
        """Calls until the outcome is known: what is unavailable or unknown is asked again, with the same key."""
        message = lambda end: GetMessageClass(self.pool.FindMessageTypeByName(f"{PACKAGE}.GatewayService{method}{end}"))
        call = self.channel.unary_unary(
            f"/{PACKAGE}.GatewayService/{method}",
            request_serializer=message("Request").SerializeToString,
            response_deserializer=message("Response").FromString,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                return call(message("Request")(**fields), metadata=self.metadata, timeout=25)
            except grpc.RpcError as error:
                again = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
                if not again or time.monotonic() > deadline:
                    sys.exit(f"{method}: {error.code().name}: {error.details()}")
                time.sleep(0.1)


def nonce():
    return int.from_bytes(os.urandom(8), "little")


def with_calls(args, key):
    """The same way without a stream."""
    first = Calls(args.first, args.token)
    opened = first.call("OpenSession", hello={"gateway": args.gateway, "nonce": nonce(), "takeover": True})
    session, welcome = opened.session, opened.welcome
    print(f"session on node {welcome.node}: lease {opened.lease_ms} ms, credits {welcome.credits}")
    # The list of what is live comes first; behind it the cursor stands where events go on.
    page = first.call("PollEvents", session=session)
    while not page.resync.last:
        page = first.call("PollEvents", session=session, cursor=page.cursor)
    push = {"key": key, "queue": args.queue, "channel": args.channel, "tier": 2}
    accepted = first.call("Push", session=session, push=push).accepted
    print(f"node {welcome.node} accepted {key} as {accepted.contact} at log index {accepted.receipt.log_index}")

    # The same session and cursor hold on the other node.
    second = Calls(args.second, args.token)
    again = second.call("Push", session=session, push=push).accepted
    assert again.contact == accepted.contact, (again.contact, accepted.contact)
    print(f"the other node gives the first answer again: {again.contact}")
    cursor, deadline = page.cursor, time.monotonic() + 20
    while time.monotonic() < deadline:
        page = second.call("PollEvents", session=session, cursor=cursor, wait_ms=5_000)
        cursor = page.cursor
        for event in page.events:
            what = event.WhichOneof("event")
            if event.key == key and what in ("assigned", "connect"):
                chosen = getattr(event, what)
                print(f"node {page.stamp.node} says: {event.contact} {what} operator {chosen.operator_login}")
                if what == "connect":
                    second.call("CloseSession", session=session)
                    return
    sys.exit("no assignment within 20 s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", required=True, help="the node to push to")
    parser.add_argument("--second", required=True, help="the node to go on with")
    parser.add_argument("--token", required=True)
    parser.add_argument("--gateway", default="guest")
    parser.add_argument("--queue", default="probe")
    parser.add_argument("--channel", default="probe")
    parser.add_argument("--calls", action="store_true", help="hold no stream")
    args = parser.parse_args()
    key = f"python-{nonce():016x}"
    if args.calls:
        with_calls(args, key)
        return

    first = Stream(args.first, args.token)
    first.say(hello={"gateway": args.gateway, "nonce": nonce()})
    _, welcome = first.hear("welcome")
    print(f"welcome on node {welcome.node}: epoch {welcome.epoch}, credits {welcome.credits}")
    # Due two seconds from now, so that the assignment comes when the first stream is gone.
    due_ms = welcome.receipt.at_ms + 2_000
    push = {"op_id": 1, "key": key, "queue": args.queue, "channel": args.channel, "tier": 2, "not_before_ms": due_ms}
    first.say(push=push)
    _, accepted = first.hear("accepted")
    print(f"node {welcome.node} accepted {key} as {accepted.contact} at log index {accepted.receipt.log_index}")
    first.close()

    second = Stream(args.second, args.token)
    second.say(hello={"gateway": args.gateway, "nonce": nonce(), "resume_epoch": welcome.epoch})
    _, resumed = second.hear("welcome")
    print(f"resumed on node {resumed.node}: epoch {resumed.epoch}")
    # The same push again, as if its answer had been lost: the first answer comes back.
    second.say(push=push)
    _, again = second.hear("accepted")
    assert again.contact == accepted.contact, (again.contact, accepted.contact)
    print(f"node {resumed.node} gives the first answer again: {again.contact}")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        _, event = second.hear("event")
        what = event.WhichOneof("event")
        if event.key == key and what in ("assigned", "connect"):
            chosen = getattr(event, what)
            print(f"node {resumed.node} says: {event.contact} {what} operator {chosen.operator_login}")
            if what == "connect":
                second.close()
                return
    sys.exit("no assignment within 20 s")


if __name__ == "__main__":
    main()
