#!/usr/bin/env python3
"""What the gateway costs: CPU per request, memory, and changes of definitions, on loopback.

Needs nginx (the target) and wrk (the load), and a release build of the gateway. Everything is
started here, on free ports, with one worker, and ended here. What is compared is measured in turn
(A B A B ...), each time on a fresh process, so that noise of the machine meets all alike; figures
are medians, and ratios are what to trust. CPU is user + system time of the gateway's process
(/proc/PID/stat) divided by the requests that wrk counted. `others` is what the rest of the machine
used meanwhile, in cores: repeat a run in which it is not small.

Compared with other proxies elsewhere: see docs/benchmarks.md. Exit code 1: a change was lost, or a
request under changes was wrong or failed. Slowness is printed, not judged.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from measuring import CALM, TICKS, free_port, machine_busy, spread, wait_for, wait_until_calm

SECRET = "a secret of the benchmark, thirty-two bytes or more"
SECTIONS = ["memory", "endpoints", "secured", "changes", "load"]
# The API that is changed has as many endpoints as each of the 100 that are there.
APIS, ENDPOINTS_EACH = 100, 100
# Changes after a start that are shown by themselves.
FIRST_CHANGES = 5

TARGET = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{
    listen 127.0.0.1:{port}; default_type text/plain;
    location / {{ return 200 "{body}"; }}
    # A request of the changed API: /seen/VERSION/ENDPOINT/ENDPOINT, the second time as the client
    # asked for it. If the two differ, the wrong endpoint has answered.
    location ~ "^/seen/[0-9]+/(n[0-9]+)/\\1$" {{ return 200 "$uri {body}"; }}
    location /seen/ {{ return 500; }}
  }}
}}"""


# === Processes ===


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def target(directory, body_bytes):
    """nginx, answering 200 with `body_bytes`; yields its port and its process id."""
    port = free_port()
    conf = directory / "nginx.conf"
    conf.write_text(TARGET.format(dir=directory, port=port, body="x" * body_bytes))
    process = subprocess.Popen(["nginx", "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        wait_for("nginx", lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)
        yield port, process.pid
    finally:
        stop(process)


class Gateway:
    """A gateway with one worker, serving the definitions it was started with."""

    def __init__(self, options, definitions, **settings):
        self.inbound, self.admin = free_port(), free_port()
        file = options.directory / "apis.json"
        file.write_text(json.dumps(definitions))
        environment = {
            "INBOUND_BIND": "127.0.0.1", "INBOUND_PORT": str(self.inbound),
            "API_HTTP_PORT": str(self.admin), "WORKERS": "1", "LOG_LEVEL": "warn",
            "SHUTDOWN_TIMEOUT": "1", "PROXY_CONFIG_FILE": str(file), **settings,
            **dict(setting.split("=", 1) for setting in options.env),
        }
        log = open(options.directory / "rig.log", "ab")
        self.process = subprocess.Popen([options.rig], env=environment, stdout=log, stderr=log)
        self.options = options

    def __enter__(self):
        try:
            wait_for(f"{self.options.rig} (log: {self.options.directory}/rig.log)", self.is_ready)
        except BaseException:
            stop(self.process)
            raise
        return self

    def __exit__(self, *_exception):
        stop(self.process)

    def is_ready(self):
        return exchange(connect(self.admin), "GET", "/health/ready")[0] == 200

    def cpu(self):
        return cpu_of(self.process.pid)

    def rss(self):
        """Resident memory in MB (10^6 bytes)."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024 / 1e6


def cpu_of(pid):
    """Seconds of user and system time of a process so far."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2:].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def connect(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=20)


def exchange(connection, method, path, body=None):
    headers = {"content-type": "application/json"} if body else {}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


# === Definitions ===


def number(n):
    return f"n{n:05}"


def api(index, each, port, version=None, **endpoint_members):
    """The API number `index` with `each` endpoints: even ones literal, odd ones with a group."""
    endpoints = []
    for n in range(index * each, (index + 1) * each):
        tail, group = ("", number(n)) if n % 2 == 0 else ("/([^/]+)", "\\1")
        endpoint = {"id": number(n), "method": "GET",
                    "path_regex": f"/api{index:03}/{number(n)}{tail}", **endpoint_members}
        if version is not None:
            endpoint["path_replacement"] = f"/seen/{version}/{number(n)}/{group}"
        endpoints.append(endpoint)
    return {"id": f"api{index:03}", "name": "bench", "auth_type": "jwt",
            "auth": {"use_header": True, "header_name": "authorization"},
            "proxy": {"target_url": "127.0.0.1", "port": port},
            "version_data": {"default": {"endpoints": endpoints}}}


def path(n, each):
    """A path that the endpoint `n` takes."""
    return f"/api{n // each:03}/{number(n)}" + ("" if n % 2 == 0 else f"/{number(n)}")


def token():
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"sub": "bench", "exp": int(time.time()) + 3600}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + part(mac)).decode()


# === Load ===


def wrk(options, gateway, where, seconds, headers=()):
    command = ["wrk", "-t1", f"-c{options.conns}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    return [*command, f"http://127.0.0.1:{gateway.inbound}{where}"]


def read_wrk(text):
    """Requests, milliseconds at the 50th and 99th percentile, and what failed."""
    def percentile(which):
        found = re.search(rf"{which}%\s+([\d.]+)(us|ms|s)", text)
        return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]

    requests = int(re.search(r"(\d+) requests in", text)[1])
    failed = re.findall(r"(?:Non-2xx or 3xx responses|Socket errors): .*", text)
    return requests, percentile(50), percentile(99), failed


def measure(options, gateway, where, headers=()):
    """One round: CPU microseconds per request, p50, p99 in ms, processors used by others."""
    warm = wrk(options, gateway, where, 1, headers)
    subprocess.run(warm, stdout=subprocess.DEVNULL, timeout=30, check=True)
    wait_until_calm(options)
    began, busy, cpu, bench = time.monotonic(), machine_busy(), gateway.cpu(), bench_cpu(options)
    command = wrk(options, gateway, where, options.secs, headers)
    done = subprocess.run(command, capture_output=True, text=True, timeout=options.secs + 30, check=True)
    cpu, bench = gateway.cpu() - cpu, bench_cpu(options) - bench
    others = (machine_busy() - busy - cpu - bench) / (time.monotonic() - began)
    requests, p50, p99, failed = read_wrk(done.stdout)
    if failed:
        raise SystemExit(f"the load failed: {failed}")
    return cpu / requests * 1e6, p50, p99, max(others, 0)


def measure_calmly(options, gateway, where, headers):
    """The first of up to four rounds that others left alone, else the one they disturbed least."""
    rounds = []
    for _attempt in range(4):
        rounds.append(measure(options, gateway, where, headers))
        if rounds[-1][-1] < CALM:
            break
    return min(rounds, key=lambda row: row[-1])


def bench_cpu(options):
    """What the load and the target have used so far, in seconds."""
    load = resource.getrusage(resource.RUSAGE_CHILDREN)
    master = options.target_pid
    workers = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return load.ru_utime + load.ru_stime + sum(cpu_of(worker) for worker in workers)


def compare(options, title, variants):
    """Measures `variants` (name: start, path, headers) in turn and prints them beside the first."""
    print(f"\n{title}")
    rounds = {name: [] for name in variants}
    for _round in range(options.rounds):
        for name, (start, where, headers) in variants.items():
            with start() as gateway:
                rounds[name].append(measure_calmly(options, gateway, where, headers))
    head = f"  {'':28} {'CPU us/req':>10} {'p50 ms':>7} {'p99 ms':>7} {'others':>7}"
    print(f"{head}  to the first (each round)")
    first = next(iter(rounds.values()))
    for name, rows in rounds.items():
        cpu, p50, p99, others = (statistics.median(column) for column in zip(*rows))
        ratio = cpu / statistics.median(row[0] for row in first)
        each = " ".join(f"{row[0] / base[0]:.2f}" for row, base in zip(rows, first))
        figures = f"  {name:28} {cpu:10.2f} {p50:7.2f} {p99:7.2f} {others:7.2f}"
        print(f"{figures}  {ratio:.3f} ({each})", flush=True)


# === Sections ===


def memory(options):
    """Two APIs with an endpoint each: what an idle node takes, before and after load."""
    definitions = [api(0, 2, options.port), api(1, 2, options.port)]
    with Gateway(options, definitions) as gateway:
        time.sleep(2)
        idle = gateway.rss()
        measure(options, gateway, path(0, 2))
        time.sleep(2)
        print(f"\nmemory: {idle:.1f} MB idle with 2 APIs, {gateway.rss():.1f} MB after load", flush=True)
    with Gateway(options, many(options)) as gateway:
        print(f"memory: {gateway.rss():.1f} MB with {APIS * ENDPOINTS_EACH} endpoints", flush=True)


def many(options):
    return [api(index, ENDPOINTS_EACH, options.port) for index in range(APIS)]


def many_with_changed(options, changed):
    """The same, but `changed` is in the version that changes start from."""
    definitions = many(options)
    definitions[changed] = api(changed, ENDPOINTS_EACH, options.port, 0)
    return definitions


def endpoints(options):
    """Few endpoints against many, asking for one in the middle."""
    few = [api(index, 1, options.port) for index in range(10)]
    lots = many(options)
    variants = {
        "10, literal": (lambda: Gateway(options, few), path(4, 1), ()),
        "10000, literal": (lambda: Gateway(options, lots), path(5000, ENDPOINTS_EACH), ()),
    }
    compare(options, "endpoints, literal pattern", variants)
    variants = {
        "10, group": (lambda: Gateway(options, few), path(5, 1), ()),
        "10000, group": (lambda: Gateway(options, lots), path(5001, ENDPOINTS_EACH), ()),
    }
    compare(options, "endpoints, pattern with a group", variants)


def secured(options):
    """The same route, open without a token and secured with one."""
    def start(is_secured):
        definitions = [api(0, 2, options.port, secured=is_secured)]
        return lambda: Gateway(options, definitions, JWT_SECRET_KEY=SECRET, JWT_ALG="HS256")

    with start(True)() as gateway:
        status, _body = exchange(connect(gateway.inbound), "GET", path(1, 2))
        if status != 401:
            raise SystemExit(f"without a token the secured route answers {status}")
    bearer = (f"authorization: Bearer {token()}",)
    variants = {
        "open, no token": (start(False), path(1, 2), ()),
        "open, token not looked at": (start(False), path(1, 2), bearer),
        "secured, HS256": (start(True), path(1, 2), bearer),
    }
    compare(options, "token", variants)


class Changes:
    """Replaces the definition of one API again and again; every version sends requests elsewhere."""

    def __init__(self, options, gateway, index):
        self.options, self.index = options, index
        self.proposed = self.acknowledged = 0
        self.admin = connect(gateway.admin)
        self.client = connect(gateway.inbound)
        self.checked, self.wrong = 0, []

    def change(self):
        """Milliseconds from sending a new version to having its answer."""
        self.proposed += 1
        definition = api(self.index, ENDPOINTS_EACH, self.options.port, self.proposed)
        body = json.dumps(definition).encode()
        began = time.perf_counter()
        status, answer = exchange(self.admin, "PUT", f"/v3/apis/api{self.index:03}", body)
        took = (time.perf_counter() - began) * 1e3
        if status != 200:
            raise SystemExit(f"a change was refused: {status} {answer[:200]}")
        self.acknowledged = self.proposed
        return took

    def check(self, n):
        """Asks for endpoint `n`. The version that answers must not be older than the last one that
        was acknowledged before, nor newer than the last one that was sent by then."""
        oldest = self.acknowledged
        try:
            status, answer = exchange(self.client, "GET", path(n, ENDPOINTS_EACH))
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(repr(error))
            self.client.close()
            return
        self.checked += 1
        seen = re.match(rb"/seen/(\d+)/(n\d+)/", answer)
        is_right = (status == 200 and seen and seen[2].decode() == number(n)
                    and oldest <= int(seen[1]) <= self.proposed)
        if not is_right:
            self.wrong.append(f"{number(n)} {status} {answer[:40]} instead of version {oldest}")


def changes(options):
    """How long a change takes, with its own API alone and among many; each seen by the next request."""
    alone = [api(0, ENDPOINTS_EACH, options.port, 0)]
    among = many_with_changed(options, 50)
    turns = max(options.changes // 4, FIRST_CHANGES + 1)
    print(f"\nchanges: PUT of an API with {ENDPOINTS_EACH} endpoints, {turns} times, idle gateway")
    wrong = []
    for definitions, index in [(alone, 0), (among, 50)]:
        with Gateway(options, definitions) as gateway:
            changes = Changes(options, gateway, index)
            wait_until_calm(options)
            times, cpu = [], 0
            for turn in range(turns):
                before = gateway.cpu()
                times.append(changes.change())
                cpu += gateway.cpu() - before
                changes.check(index * ENDPOINTS_EACH + turn % ENDPOINTS_EACH)
            total = len(definitions) * ENDPOINTS_EACH
            # Apart, because memory is taken from the system then that later changes use again.
            first = ", ".join(f"{it:.1f}" for it in times[:FIRST_CHANGES])
            print(f"  among {total:5} endpoints: {spread(times[FIRST_CHANGES:])}; the first ones {first} ms\n"
                  f"    CPU {cpu / len(times) * 1e3:.1f} ms each; {gateway.rss():.0f} MB afterwards; "
                  f"not seen by the next request: {len(changes.wrong)}", flush=True)
            wrong += changes.wrong
    return wrong


def load(options):
    """Changes as fast as they are answered, under full load on the API that changes."""
    index, n = 50, 50 * ENDPOINTS_EACH + 1
    with Gateway(options, many_with_changed(options, index)) as gateway:
        _cpu, _p50, p99, _others = measure(options, gateway, path(n, ENDPOINTS_EACH))
        changes = Changes(options, gateway, index)
        # Ended by the signal below, after which wrk prints its figures.
        command = wrk(options, gateway, path(n, ENDPOINTS_EACH), 600)
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        over = threading.Event()

        def check():
            turn = 0
            while not over.is_set():
                changes.check(index * ENDPOINTS_EACH + turn % ENDPOINTS_EACH)
                turn += 1

        checker = threading.Thread(target=check)
        checker.start()
        try:
            times = [changes.change() for _turn in range(options.changes)]
        finally:
            over.set()
            checker.join()
            running.send_signal(signal.SIGINT)
            text, _nothing = running.communicate(timeout=30)
        requests, _p50, p99_changing, failed = read_wrk(text)
        print(f"\nload: {options.changes} changes among {APIS * ENDPOINTS_EACH} endpoints, "
              f"{requests} requests of {options.conns} connections meanwhile\n"
              f"  failed or wrong: {'; '.join(failed) or 0}\n"
              f"  p99 {p99_changing:.2f} ms, {p99:.2f} ms without changes\n"
              f"  answers looked into: {changes.checked}, of which wrong: {len(changes.wrong)}\n"
              f"  a change took {spread(times)}", flush=True)
        return failed + changes.wrong


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = arguments.add_argument
    add("--rig", required=True, help="release build of the gateway")
    add("--rounds", type=int, default=5, help="rounds of each comparison (default: 5)")
    add("--secs", type=int, default=3, help="length of a round (default: 3)")
    add("--conns", type=int, default=64, help="connections of the load (default: 64)")
    add("--body", type=int, default=1024, help="bytes of an answer (default: 1024)")
    add("--changes", type=int, default=1000, help="changes under load (default: 1000); a quarter when idle")
    add("--patience", type=int, default=30, help="seconds to wait for a calm machine (default: 30)")
    add("--limit", type=int, default=1500, help="seconds after which all is given up (default: 1500)")
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="further setting of the gateway")
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
    with tempfile.TemporaryDirectory(prefix="rig-bench-") as directory:
        options.directory = pathlib.Path(directory)
        with target(options.directory, options.body) as (options.port, options.target_pid):
            for section in options.sections or SECTIONS:
                wrong += globals()[section](options) or []
    for line in wrong[:10]:
        print(f"WRONG: {line}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
