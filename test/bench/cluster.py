#!/usr/bin/env python3
"""How fast and how expensive a cluster is: real nodes, one process each, on this machine.

Needs a release build of the gateway and Python, nothing else; the sections `idle`, `cut` and `heal` put
every node into a network namespace of its own, joined by a bridge in a further one, and need root and
`ip` for that. Nodes know each other by CLUSTER_PEERS; there is no multicast. Everything is started
here and ended here. The clock starts before a process is started, or when an acknowledgement has been
read, or when the cable is plugged in again, and stops when what is waited for was seen from outside,
so every time includes the looking.

`others` is what the rest of the machine used meanwhile, in cores: repeat a run in which it is not
small. Exit code 1: a request failed or was wrong, a change was lost, or nodes did not agree. Slowness
is printed, not judged. Figures and how to read them: docs/benchmarks.md.
"""

import argparse
import contextlib
import ctypes
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from measuring import PATIENCE, TICKS, free_port, machine_busy, spread, wait_for, wait_until_calm

SECRET = "a secret of the benchmark only"
SECTIONS = ["visible", "join", "changes", "idle", "cut", "heal"]
# Of <sched.h>: setns is to change the network.
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
# A definition has about a kilobyte, as in the calculations that the design rests on.
ENDPOINTS = 5
# Processors that idle nodes use.
IDLE = 0.2
# Pings, notices and comparisons have found their pace after this long.
SETTLING = 20


# === Networks ===


class Loopback:
    """All nodes on 127.0.0.1."""

    def __init__(self, size):
        self.places = [("127.0.0.1", None)] * size
        self.ports = [free_port() for _node in range(size)]

    def close(self):
        pass


class Lan:
    """A namespace for every node, with a cable to a bridge in one more namespace."""

    _count = 0

    def __init__(self, size):
        Lan._count += 1
        prefix = f"rigb{os.getpid()}-{Lan._count}"
        self.names = []
        self.ports = [4020] * size
        try:
            self.switch = self._add(f"{prefix}-switch")
            ip(self.switch, "link add bridge0 type bridge forward_delay 0 mcast_snooping 0")
            ip(self.switch, "link set bridge0 up")
            self.places = [self._plug(f"{prefix}-{node}", node) for node in range(size)]
        except BaseException:
            self.close()
            raise

    def _add(self, name):
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.names.append(name)
        return name

    def _plug(self, name, node):
        self._add(name)
        ip(self.switch, f"link add port{node} type veth peer name eth0 netns {name}")
        ip(self.switch, f"link set port{node} master bridge0 up")
        address = f"10.78.0.{node + 1}"
        ip(name, "link set lo up")
        ip(name, f"addr add {address}/24 dev eth0")
        ip(name, "link set eth0 up")
        return address, f"/run/netns/{name}"

    def set_cable(self, node, where, up):
        """Pulls or plugs the cable of a node, at its own end or at the bridge's."""
        state = "up" if up else "down"
        if where == "node":
            ip(self.names[node + 1], f"link set eth0 {state}")
        else:
            ip(self.switch, f"link set port{node} {state}")

    def close(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def ip(namespace, command):
    subprocess.run(["ip", "-n", namespace, *command.split()], check=True)


@contextlib.contextmanager
def inside(namespace):
    """What this thread opens or starts meanwhile belongs to the namespace, and stays there."""
    if namespace is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(namespace, os.O_RDONLY)
    try:
        enter(there)
        yield
    finally:
        enter(home)
        os.close(there)
        os.close(home)


def enter(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: the sections with namespaces need root")


# === Processes ===


class Link(http.client.HTTPConnection):
    """A connection to 127.0.0.1 in a namespace, kept open."""

    def __init__(self, port, namespace):
        super().__init__("127.0.0.1", port, timeout=20)
        self.namespace = namespace

    def connect(self):
        with inside(self.namespace):
            super().connect()

    def ask(self, method, path, body=None):
        """Status, headers and body; connects anew if the other side has closed."""
        headers = {"content-type": "application/json"} if body else {}
        try:
            self.request(method, path, body, headers)
            answer = self.getresponse()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        return answer.status, answer.headers, answer.read()


class Node:
    """One gateway of a cluster; its name and its ports outlast its lives."""

    def __init__(self, options, number, network, peers):
        self.options, self.number = options, number
        address, self.namespace = network.places[number]
        self.inbound, self.admin = free_port(), free_port()
        self.environment = {
            "INBOUND_BIND": "127.0.0.1", "INBOUND_PORT": str(self.inbound),
            "API_HTTP_PORT": str(self.admin), "WORKERS": "1", "LOG_LEVEL": "warn",
            "SHUTDOWN_TIMEOUT": "1", "NODE_NAME": f"node-{number}", "NODE_COOKIE": SECRET,
            "CLUSTER_LISTEN": f"{address}:{network.ports[number]}", "CLUSTER_PEERS": ",".join(peers),
            **dict(setting.split("=", 1) for setting in options.env),
        }
        self.process, self.link = None, Link(self.admin, self.namespace)

    def start(self, file=None):
        """Starts it; gives the moment before."""
        environment = dict(self.environment)
        if file:
            environment["PROXY_CONFIG_FILE"] = str(file)
        began = time.perf_counter()
        with inside(self.namespace), open(self.options.log, "ab") as log:
            self.process = subprocess.Popen([self.options.rig], env=environment, stdout=log, stderr=log)
        return began

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.link.close()

    def is_ready(self):
        return self.link.ask("GET", "/health/ready")[0] == 200

    def view(self):
        """Whose view, and the members, this node first. Not to be asked while what it shows is measured:
        a node may compare with others before it answers."""
        return json.loads(self.link.ask("GET", "/v3/cluster/nodes")[2])

    def members(self):
        """Nodes that it counts, itself included."""
        metrics = self.link.ask("GET", "/metrics")[2].decode()
        return int(re.search(r"^rig_registry_members (\d+)$", metrics, re.MULTILINE)[1]) + 1

    def version(self, api_id):
        """What it shows: the ETag, `None` if there is no such API."""
        return self.link.ask("GET", f"/v3/apis/{api_id}")[1]["etag"]

    def put(self, definition, query=""):
        """Changes a definition; the answer and the moment it was read."""
        body = json.dumps(definition)
        answer = self.link.ask("PUT", f"/v3/apis/{definition['id']}{query}", body)
        return answer, time.perf_counter()

    def change(self, definition):
        """The version that a change became."""
        (status, headers, text), _read = self.put(definition)
        if status != 200:
            raise SystemExit(f"a change was refused: {status} {text[:200]}")
        return f'"{headers["x-rig-change"].rsplit("@", 1)[1]}"'

    def create(self, definition):
        status, _headers, text = self.link.ask("POST", "/v3/apis", json.dumps(definition))
        if status != 201:
            raise SystemExit(f"a definition was refused: {status} {text[:200]}")

    def cpu(self):
        """Seconds of user and system time so far."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2:].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def traffic(self):
        """Bytes received and sent, packets received and sent, on the cable of its namespace so far."""
        lines = pathlib.Path(f"/proc/{self.process.pid}/net/dev").read_text().splitlines()
        fields = next(line for line in lines if line.strip().startswith("eth0:")).split(":")[1].split()
        return [int(fields[at]) for at in (0, 8, 1, 9)]


class Cluster:
    """Nodes that know each other's addresses."""

    def __init__(self, options, network):
        self.network = network
        peers = [f"{address}:{port}" for (address, _), port in zip(network.places, network.ports)]
        self.nodes = [Node(options, number, network, peers) for number in range(len(peers))]

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        for node in self.nodes:
            node.kill()
        self.network.close()

    def start(self):
        """Starts all, and waits until they have become one settled cluster."""
        for node in self.nodes:
            node.start()
        self.settle(self.nodes)

    def settle(self, nodes):
        """Waits until each of them counts all as members that are established and have the same."""
        def is_settled(node):
            members = node.view()["nodes"]
            return len(members) == len(nodes) and all(
                member["established"] and member["in_sync"] for member in members)

        for node in nodes:
            wait_for(f"node {node.number} settled", lambda: is_settled(node), 0.1)

    def all_show(self, api_id, version):
        return all(node.version(api_id) == version for node in self.nodes)


@contextlib.contextmanager
def settled(options, network):
    with Cluster(options, network) as cluster:
        cluster.start()
        yield cluster


# === Definitions ===


def api(api_id, version, port=9):
    """`/API_ID/e0` leads to `/VERSION/API_ID` at `port`; together about a kilobyte."""
    endpoints = [{"id": f"endpoint-{n}", "method": "GET", "path_regex": f"/{api_id}/e{n}",
                  "path_replacement": f"/{version}/{api_id}",
                  "request_headers": {"x-comment": "x" * 60}} for n in range(ENDPOINTS)]
    return {"id": api_id, "name": "bench", "proxy": {"target_url": "127.0.0.1", "port": port},
            "version_data": {"default": {"endpoints": endpoints}}}


# === The machine ===


class Others:
    """Processors that neither this program nor its children used, while measured."""

    def __init__(self, nodes):
        self.nodes = nodes

    def __enter__(self):
        self.began, self.busy, self.own = time.monotonic(), machine_busy(), self._own()
        return self

    def __exit__(self, *_exception):
        own = self._own() - self.own
        self.cores = max((machine_busy() - self.busy - own) / (time.monotonic() - self.began), 0)

    def _own(self):
        here = os.times()
        return here.user + here.system + here.children_user + here.children_system + sum(
            node.cpu() for node in self.nodes if node.process)


# === Load ===


def serve_upstream(listener):
    """A back end that answers every request with its path."""
    def serve(connection):
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting = b""
            while received := connection.recv(65536):
                waiting += received
                while b"\r\n\r\n" in waiting:
                    head, waiting = waiting.split(b"\r\n\r\n", 1)
                    path = head.split(b" ", 2)[1]
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(path), path))

    while True:
        connection, _address = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def ask_on_and_on(node, api_id, stopped, told):
    """Requests one after the other; tells how many there were, which were wrong, and the longest."""
    link, count, newest, longest, wrong = Link(node.inbound, node.namespace), 0, 0, 0, []
    while not stopped.is_set():
        began = time.perf_counter()
        try:
            status, _headers, text = link.ask("GET", f"/{api_id}/e0")
        except (OSError, http.client.HTTPException) as error:
            wrong.append(f"node {node.number}: {error!r}")
            continue
        count, longest = count + 1, max(longest, time.perf_counter() - began)
        seen = re.fullmatch(rf"/(\d+)/{api_id}", text.decode("latin-1"))
        if status != 200 or not seen or int(seen[1]) < newest:
            wrong.append(f"node {node.number}: {status} {text[:60]} after version {newest}")
        else:
            newest = int(seen[1])
    told.put((node.number, count, longest, wrong))


class Load:
    """A back end beside every node, and clients that keep it busy."""

    def __init__(self, nodes, clients):
        self.nodes, self.clients = nodes, clients
        self.processes, self.told, self.stopped = [], multiprocessing.Queue(), multiprocessing.Event()
        self.port = free_port()

    def __enter__(self):
        for namespace in {node.namespace for node in self.nodes}:
            with inside(namespace):
                listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
            self._run(serve_upstream, listener)
        return self

    def begin(self, api_id):
        for node in self.nodes:
            for _client in range(self.clients):
                self._run(ask_on_and_on, node, api_id, self.stopped, self.told)

    def end(self):
        """Requests, what was wrong, the longest in ms."""
        self.stopped.set()
        results = [self.told.get(timeout=PATIENCE) for _ in range(self.clients * len(self.nodes))]
        wrong = [line for result in results for line in result[3]]
        return sum(result[1] for result in results), wrong, max(result[2] for result in results) * 1e3

    def _run(self, what, *arguments):
        def run():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            what(*arguments)

        process = multiprocessing.Process(target=run, daemon=True)
        process.start()
        self.processes.append(process)

    def __exit__(self, *_exception):
        for process in self.processes:
            process.terminate()
            process.join()


# === Sections ===


def visible(options):
    """From an acknowledged PUT to the version being shown by all nodes, and the receipt of `?wait=all`."""
    for size in options.sizes:
        with settled(options, Loopback(size)) as cluster:
            nodes = cluster.nodes
            nodes[0].create(api("timed", 0))
            for warm in range(20):
                version = nodes[0].change(api("timed", f"warm{warm}"))
                wait_for("the change", lambda: cluster.all_show("timed", version), 0)
            cluster.settle(nodes)
            wait_until_calm(options, IDLE)
            with Others(nodes) as others:
                polled, looks = watch(options, nodes)
                receipts, plain = ask_for_receipts(options, nodes)
            print(f"\nvisible: {size} nodes, {options.changes} changes on all of them in turn "
                  f"(others {others.cores:.2f})")
            print(f"  PUT to its answer                 {spread(plain)}")
            print(f"  answer to shown by all, by GET    {spread(polled)}  (a look takes {looks:.2f})")
            print(f"  PUT ?wait=all to its receipt      {spread(receipts)}", flush=True)


def watch(options, nodes):
    """For each change, the time until the last of the other nodes showed it; and what a look takes."""
    times, looks, looking = [], 0, 0
    for turn in range(options.changes):
        writer = nodes[turn % len(nodes)]
        (status, headers, text), began = writer.put(api("timed", f"polled{turn}"))
        if status != 200:
            raise SystemExit(f"a change was refused: {status} {text[:200]}")
        version = f'"{headers["x-rig-change"].rsplit("@", 1)[1]}"'
        missing = [node for node in nodes if node is not writer]
        while missing:
            asked = time.perf_counter()
            shown = [node for node in missing if node.version("timed") == version]
            now = time.perf_counter()
            looks, looking = looks + len(missing), looking + now - asked
            missing = [node for node in missing if node not in shown]
            if now - began > PATIENCE:
                raise SystemExit(f"{version} never came to nodes {[node.number for node in missing]}")
        times.append((now - began) * 1e3)
    return times, looking / looks * 1e3


def ask_for_receipts(options, nodes):
    """Milliseconds that changes take with `?wait=all`, and without."""
    took = {"?wait=all": [], "": []}
    for turn in range(options.changes):
        for query, times in took.items():
            began = time.perf_counter()
            (status, _headers, text), read = nodes[turn % len(nodes)].put(
                api("timed", f"asked{turn}{query[6:]}"), query)
            if status != 200:
                raise SystemExit(f"{query}: {status} {text[:200]}")
            times.append((read - began) * 1e3)
            if not query:
                version = nodes[turn % len(nodes)].version("timed")
                wait_for("the change", lambda: all(node.version("timed") == version for node in nodes), 0)
    return took["?wait=all"], took[""]


def join(options):
    """A third node starts with nothing: from the start of its process to ready."""
    file = options.directory / "many.json"
    file.write_text(json.dumps([api(f"api-{n:05}", 0) for n in range(options.definitions)]))
    size = file.stat().st_size / options.definitions
    with Cluster(options, Loopback(3)) as cluster:
        first, second, third = cluster.nodes
        first.start(file)
        wait_for("the first node", first.is_ready)
        second.start()
        cluster.settle([first, second])
        times, noise, wrong = [], [], []
        for _round in range(options.rounds):
            wait_until_calm(options, IDLE)
            with Others(cluster.nodes) as others:
                began = third.start()
                times.append(wait_for("the third node ready", third.is_ready, 0.002) - began)
            had = len(json.loads(third.link.ask("GET", "/v3/apis")[2]))
            if had != options.definitions or third.view()["view"]["root"] != first.view()["view"]["root"]:
                wrong.append(f"join: ready with {had} definitions")
            noise.append(others.cores)
            third.kill()
            cluster.settle([first, second])
        each = ", ".join(f"{it:.2f}" for it in times)
        print(f"\njoin: {options.definitions} definitions of {size:.0f} bytes, process start to ready: "
              f"median {statistics.median(times):.2f} s ({each}), all there: {'no' if wrong else 'yes'} "
              f"(others {max(noise):.2f})", flush=True)
        return wrong


def changes(options):
    """Clients on all of three nodes while one of them takes changes."""
    with settled(options, Loopback(3)) as cluster, Load(cluster.nodes, options.clients) as load:
        writer = cluster.nodes[0]
        writer.create(api("busy", 0, load.port))
        wait_for("the API everywhere", lambda: all(node.version("busy") for node in cluster.nodes))
        load.begin("busy")
        for turn in range(1, options.storm + 1):
            version = writer.change(api("busy", turn, load.port))
        wait_for("the last change everywhere", lambda: cluster.all_show("busy", version))
        count, wrong, longest = load.end()
    print(f"\nchanges: {options.storm} changes during {count} requests on 3 nodes, {len(wrong)} wrong or failed, "
          f"the longest took {longest:.0f} ms", flush=True)
    return wrong


def idle(options):
    """What a node without work uses; only the cluster's traffic is on its cable."""
    for size in options.idle_sizes:
        with settled(options, Lan(size)) as cluster:
            nodes = cluster.nodes
            time.sleep(SETTLING)
            with Others(nodes) as others:
                cpu, traffic = [node.cpu() for node in nodes], [node.traffic() for node in nodes]
                time.sleep(options.idle_seconds)
                cpu = [node.cpu() - before for node, before in zip(nodes, cpu)]
                traffic = [[now - then for now, then in zip(node.traffic(), before)]
                           for node, before in zip(nodes, traffic)]
            seconds = options.idle_seconds
            received, sent, packets_in, packets_out = (statistics.mean(column) / seconds
                                                       for column in zip(*traffic))
            print(f"\nidle: {size} nodes, {seconds} s (others {others.cores:.2f})\n"
                  f"  CPU of a node   {statistics.mean(cpu) / seconds * 100:.2f} % of a core "
                  f"(most: {max(cpu) / seconds * 100:.2f} %)\n"
                  f"  bytes of a node {received:.0f}/s received, {sent:.0f}/s sent; "
                  f"{packets_in:.1f} and {packets_out:.1f} packets/s", flush=True)


def cut_and_mend(cluster, where, seconds, write):
    """Cuts the last node off for about so long; `write` happens on both sides. Gives what was written, and
    the moment in which the cable was plugged in again."""
    last = cluster.nodes[-1]
    # How long healing takes depends on what dials and timers are doing just then.
    seconds *= random.uniform(0.75, 1.25)
    began = time.monotonic()
    cluster.network.set_cable(last.number, where, False)
    for node, members in [(last, 1), *((node, len(cluster.nodes) - 1) for node in cluster.nodes[:-1])]:
        wait_for("the cut noticed", lambda: node.members() == members, 0.05)
    written = write()
    time.sleep(max(seconds - (time.monotonic() - began), 0))
    cluster.network.set_cable(last.number, where, True)
    return written, time.perf_counter()


def cut(options):
    """Clients beside each of three nodes, one of which is cut off, changed meanwhile, and comes back."""
    wrong_all = []
    with settled(options, Lan(3)) as cluster, Load(cluster.nodes, options.clients) as load:
        first, last = cluster.nodes[0], cluster.nodes[-1]
        first.create(api("busy", 0, load.port))
        wait_for("the API everywhere", lambda: all(node.version("busy") for node in cluster.nodes))
        load.begin("busy")

        def write():
            # The side with more changes wins; both count up, so no client may see a step back.
            first.change(api("busy", 1, load.port))
            last.change(api("busy", 1, load.port))
            for turn in range(2, 12):
                version = first.change(api("busy", turn, load.port))
            return version

        version, mended = cut_and_mend(cluster, "switch", options.cut_seconds, write)
        healed = wait_for("agreement", lambda: cluster.all_show("busy", version)) - mended
        time.sleep(2)
        count, wrong, longest = load.end()
        wrong_all += wrong
    print(f"\ncut: {options.cut_seconds} s, {count} requests on both sides before, during and after it, "
          f"{len(wrong)} wrong or failed, the longest took {longest:.0f} ms; healed after {healed:.2f} s", flush=True)
    return wrong_all


def heal(options):
    """From the cable plugged in until all have found each other, exchanged what differs, and agree."""
    with settled(options, Lan(3)) as cluster:
        bigger, _other, smaller = nodes = cluster.nodes
        for api_id in ("left", "right", "both"):
            bigger.create(api(api_id, "start"))
        wait_for("the APIs everywhere", lambda: all(node.version("both") for node in nodes))
        for where in ("switch", "node"):
            rows = []
            for turn in range(options.rounds):
                cluster.settle(nodes)
                rows.append(heal_once(options, cluster, where, f"{where}{turn}", bigger, smaller))
            print(f"\nheal: cable pulled at the {where} for {options.cut_seconds} s, {options.rounds} times; s")
            for title, column in zip(["all are members", "what only one side had is on both",
                                      "a conflict is decided on all nodes"], zip(*rows)):
                each = ", ".join(f"{it:.2f}" for it in column)
                print(f"  {title:35} median {statistics.median(column):.2f}, max {max(column):.2f} ({each})",
                      flush=True)


def heal_once(options, cluster, where, text, bigger, smaller):
    """Three times in s."""
    def write():
        smaller_wrote = smaller.change(api("right", text))
        bigger_wrote = bigger.change(api("left", text))
        # Later, but on the smaller side: it loses the vote.
        winner = bigger.change(api("both", f"{text}bigger"))
        smaller.change(api("both", f"{text}smaller"))
        return bigger_wrote, smaller_wrote, winner

    (left, right, winner), mended = cut_and_mend(cluster, where, options.cut_seconds, write)
    seen = {}

    def look():
        now = time.perf_counter() - mended
        if all(node.members() == len(cluster.nodes) for node in cluster.nodes):
            seen.setdefault("members", now)
        if cluster.all_show("left", left) and cluster.all_show("right", right):
            seen.setdefault("exchanged", now)
        if cluster.all_show("both", winner):
            seen.setdefault("agreed", now)
        return len(seen) == 3

    wait_for("agreement on the version that most nodes had", look)
    return seen["members"], seen["exchanged"], seen["agreed"]


# === Command line ===


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = arguments.add_argument
    add("--rig", default="target/release/rig", help="the gateway (default: %(default)s)")
    add("--sizes", type=int, nargs="+", default=[3, 5], help="nodes in `visible` (default: 3 5)")
    add("--changes", type=int, default=300, help="changes measured in `visible` (default: %(default)s)")
    add("--definitions", type=int, default=10_000, help="of the cluster in `join` (default: %(default)s)")
    add("--storm", type=int, default=1000, help="changes in `changes` (default: %(default)s)")
    add("--clients", type=int, default=2, help="clients per node in `changes` and `cut` (default: %(default)s)")
    add("--idle-sizes", type=int, nargs="+", default=[3, 25], help="nodes in `idle` (default: 3 25)")
    add("--idle-seconds", type=int, default=30, help="measured in `idle` (default: %(default)s)")
    add("--cut-seconds", type=int, default=20, help="mean length of a cut, +- 25 %% (default: %(default)s)")
    add("--rounds", type=int, default=5, help="of `join` and each kind of `heal` (default: %(default)s)")
    add("--patience", type=int, default=30, help="longest wait for a calm machine, in s (default: %(default)s)")
    add("--limit", type=int, default=1500, help="seconds after which all is given up (default: %(default)s)")
    add("--log", type=pathlib.Path, default=os.devnull, help="file to which the nodes' logs are added")
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="further setting of the nodes")
    add("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all")
    options = arguments.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        arguments.error(f"unknown section: {', '.join(sorted(unknown))}")
    # Both end what was started, because they are exceptions.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("took longer than --limit"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    signal.alarm(options.limit)
    wrong = []
    print(f"load of the machine at the start: {pathlib.Path('/proc/loadavg').read_text().strip()}")
    with tempfile.TemporaryDirectory(prefix="rig-bench-") as directory:
        options.directory = pathlib.Path(directory)
        for section in options.sections or SECTIONS:
            wrong += globals()[section](options) or []
    for line in wrong[:10]:
        print(f"WRONG: {line}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
