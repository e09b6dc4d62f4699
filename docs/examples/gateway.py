"""A gateway in Python: no generated code, only the stock packages grpcio and grpcio-reflection.

Pushes a contact through one node, loses that stream, and receives the contact's assignment from another node.

    pip install grpcio grpcio-reflection
    python docs/examples/gateway.py --first HOST:PORT --second HOST:PORT --token TOKEN

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


def nonce():
    return int.from_bytes(os.urandom(8), "little")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", required=True, help="the node to push to")
    parser.add_argument("--second", required=True, help="the node to go on with")
    parser.add_argument("--token", required=True)
    parser.add_argument("--gateway", default="guest")
    parser.add_argument("--queue", default="probe")
    parser.add_argument("--channel", default="probe")
    args = parser.parse_args()
    key = f"python-{nonce():016x}"

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
