#!/usr/bin/env python3
"""What events cost in a cluster of three, on loopback: latencies, and memory per idle connection.

Needs a build of the gateway with optimisation (profile `sim` or `release`). Everything is started
here, on free ports, and ended here. Printed are:

* revoke to kill: from the moment a session is revoked on node 1 until the end of the stream of that
  session on node 1, 2 and 3 is heard (p50, p99, worst);
* delivery: from the submission on node 1 until the event is heard on node 1, 2 and 3;
* memory: resident KiB per idle, subscribed stream of server-sent events, at N of them on one node.

The client is Python: what it adds to a latency (some tens of microseconds) is in the figures. `load`
is that of the machine; repeat a run in which it is not small. Exit code 1: something was not heard.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

from measuring import free_port, wait_for

SECRET = "a secret of the benchmark, thirty-two bytes or more"
NODES = 3
# Longest wait for what has to be heard.
HEARD_MAX = 10
# Connections opened before their answers are read.
AT_ONCE = 256


class Node:
    """A gateway of the cluster."""

    def __init__(self, options, number, cluster_ports):
        self.inbound, self.admin = free_port(), free_port()
        environment = {
            "INBOUND_BIND": "127.0.0.1", "INBOUND_PORT": str(self.inbound),
            "API_HTTP_PORT": str(self.admin), "WORKERS": "1", "LOG_LEVEL": "warn",
            "JWT_SECRET_KEY": SECRET, "NODE_NAME": f"node-{number}", "NODE_COOKIE": SECRET,
            "CLUSTER_LISTEN": f"127.0.0.1:{cluster_ports[number]}",
            "CLUSTER_PEERS": ",".join(f"127.0.0.1:{port}" for port in cluster_ports),
            "MAX_CONNECTIONS_PER_MINUTE": "1000000", "MAX_CONNECTIONS": "1000000",
            **dict(setting.split("=", 1) for setting in options.env),
        }
        self.log = open(options.directory / f"node-{number}.log", "wb")
        self.process = subprocess.Popen(
            [options.rig], env=environment, stdout=self.log, stderr=self.log)
        self.link = None

    def ask(self, method, path, body=None):
        if self.link is None:
            self.link = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=HEARD_MAX)
            self.link.connect()
            self.link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        text = None if body is None else json.dumps(body)
        self.link.request(method, path, text, {"content-type": "application/json"} if text else {})
        answer = self.link.getresponse()
        return answer.status, answer.read()

    def is_ready(self):
        try:
            return self.ask("GET", "/health/ready")[0] == 200
        except OSError:
            self.link = None
            return False

    def members(self):
        lines = self.ask("GET", "/metrics")[1].decode().splitlines()
        found = [line.split()[1] for line in lines if line.startswith("rig_hub_nodes ")]
        return int(float(found[0])) if found else 0

    def resident(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise SystemExit("no VmRSS")

    def submit(self, kind, name):
        event = {"specversion": "1.0", "type": kind, "id": name, "source": "/bench"}
        status, told = self.ask("POST", "/v3/messages", event)
        if status != 202:
            raise SystemExit(f"submission: {status} {told}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def token(claims):
    def part(what):
        return base64.urlsafe_b64encode(what).rstrip(b"=")

    signed = b".".join(part(json.dumps(it).encode()) for it in ({"alg": "HS256"}, claims))
    return (signed + b"." + part(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest())).decode()


def begin(node, kinds, jwt=None):
    """Asks for a stream; its answer is not read."""
    query = {"subscriptions": json.dumps([{"eventType": kind} for kind in kinds])}
    if jwt:
        query["jwt"] = jwt
    link = socket.create_connection(("127.0.0.1", node.inbound), HEARD_MAX)
    target = f"/_rig/v1/connection/sse?{urllib.parse.urlencode(query)}"
    link.sendall(f"GET {target} HTTP/1.1\r\nhost: bench\r\n\r\n".encode())
    return link


def hear(link, what):
    """Reads until these bytes are there."""
    heard = b""
    while what not in heard:
        more = link.recv(65536)
        if not more:
            raise SystemExit(f"the stream ended before {what!r}: {heard!r}")
        heard += more


def stream(node, kinds, jwt=None):
    link = begin(node, kinds, jwt)
    hear(link, b"event: rig.subscriptions_set")
    link.settimeout(HEARD_MAX)
    return link


def heard_at(links, what):
    """Seconds of the clock at which each of the streams has said these bytes."""
    with selectors.DefaultSelector() as waiting:
        heard, at = {link: b"" for link in links}, {}
        for link in links:
            waiting.register(link, selectors.EVENT_READ)
        while len(at) < len(links):
            ready = waiting.select(HEARD_MAX)
            now = time.perf_counter()
            if not ready:
                raise SystemExit(f"{what!r} was not heard by all")
            for key, _ in ready:
                link = key.fileobj
                heard[link] += link.recv(65536)
                if what in heard[link]:
                    at[link] = now
                    waiting.unregister(link)
        return [at[link] for link in links]


def figures(name, seconds):
    ordered = sorted(1000 * second for second in seconds)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    print(f"| {name} | {len(ordered)} | {p50:.2f} | {p99:.2f} | {ordered[-1]:.2f} |")


def table(what, rows):
    print(f"\n{what}, in milliseconds\n\n| at | times | p50 | p99 | worst |\n| --- | ---: | ---: | ---: | ---: |")
    for name, seconds in rows:
        figures(name, seconds)


def revocations(nodes, times):
    taken = [[] for _ in nodes]
    for round_ in range(times):
        session = f"session-{round_}"
        jwt = token({"jti": session, "exp": int(time.time()) + 600})
        links = [stream(node, ["t"], jwt) for node in nodes]
        begun = time.perf_counter()
        status, told = nodes[0].ask(
            "POST", "/v3/session-blacklist", {"sessionId": session, "validityInSeconds": 600})
        if status != 201:
            raise SystemExit(f"revocation: {status} {told}")
        for place, at in zip(taken, heard_at(links, b"event: rig.session_killed")):
            place.append(at - begun)
        for link in links:
            link.close()
    table("Revoke to kill", [
        *((f"node {number + 1}", it) for number, it in enumerate(taken)),
        ("the last of all", [max(all_) for all_ in zip(*taken)]),
    ])


def deliveries(nodes, times):
    links = [stream(node, ["t"]) for node in nodes]
    taken = [[] for _ in nodes]
    for number in range(times):
        name = f"event-{number}-"
        begun = time.perf_counter()
        nodes[0].submit("t", name)
        for place, at in zip(taken, heard_at(links, name.encode())):
            place.append(at - begun)
    for link in links:
        link.close()
    table("Submission to delivery", [(f"node {n + 1}", it) for n, it in enumerate(taken)])


def memory(nodes, counts):
    print("\nMemory of one node\n\n| streams | KiB | KiB per stream |\n| ---: | ---: | ---: |")
    node, links = nodes[1], []
    before = node.resident()
    print(f"| 0 | {before} | |")
    for count in counts:
        while len(links) < count:
            begun = [begin(node, ["t"]) for _ in range(min(AT_ONCE, count - len(links)))]
            for link in begun:
                hear(link, b"event: rig.subscriptions_set")
            links.extend(begun)
        now = node.resident()
        print(f"| {count} | {now} | {(now - before) / count:.2f} |")
    nodes[0].submit("t", "to all")
    for link in links:
        hear(link, b"to all")
        link.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rig", help="the gateway's binary")
    parser.add_argument("--times", type=int, default=1000, help="revocations and deliveries")
    parser.add_argument("--streams", default="1000,5000", help="numbers of idle streams")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    options.rig = str(pathlib.Path(options.rig).resolve())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors, {hard} descriptors (was {soft})")
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as ending:
        options.directory = pathlib.Path(directory)
        ports = [free_port() for _ in range(NODES)]
        nodes = [Node(options, number, ports) for number in range(NODES)]
        for node in nodes:
            ending.callback(node.stop)
        have_met = lambda: all(node.is_ready() and node.members() == NODES - 1 for node in nodes)
        wait_for("all nodes connected", have_met, 0.1)
        deliveries(nodes, options.times)
        revocations(nodes, options.times)
        memory(nodes, [int(count) for count in options.streams.split(",") if count])


if __name__ == "__main__":
    sys.exit(main())
