"""Carries policies out with Ryu: policies in, confirmations out, as JSON lines on standard input and output.

    python controllers/ryu_app.py --listen 127.0.0.1:6653
    python controllers/ryu_app.py --listen 127.0.0.1:6653 --policies FOLDER     policies of that folder, too
    python controllers/ryu_app.py --listen 127.0.0.1:6653 --app ryu.app.simple_switch_13

In:   {"set": {"switch": NAME, "dpid": 1, "revision": 3, "ports": {INTERFACE: 1}, "config": {"controller": FILE}}}
Out:  {"event": "listening"}
      {"event": "connected", "dpid": 1}                                  and "disconnected"
      {"event": "confirmed", "switch": NAME, "revision": 3, "entries": 17}    counted by the switch
      {"event": "refused", "switch": NAME, "revision": 3, "problems": [{"place": .., "wrong": .., "fix": ..}]}
      {"event": "failed", "switch": NAME, "revision": 3, "message": TEXT}     the switch keeps what it had

A policy replaces the one before as one bundle: a packet meets all of the old entries or all of the new ones. It is
put in again when its switch comes back. The end of standard input ends the program. All else goes to standard error.

This is the only file that knows Ryu, but for the learning switch of bare sandboxes. A stock Ryu can load it as an
application, too.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.util
import json
import logging
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Protocol

HERE = Path(__file__).resolve().parent
POLICY_FOLDERS = [HERE]
LOG = logging.getLogger("whodunet.ryu_app")


def _make_importable() -> None:
    """Puts back what Ryu 4.34 expects of the libraries below it, and leaves out what costs time and is not used."""
    gc.set_threshold(50_000)  # what Ryu's import makes stays; to look for garbage in it takes a tenth of the time
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")  # dnspython takes a third of eventlet's import
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    if "distutils" not in sys.modules:
        # Python 3.12 took distutils away, and setuptools' copy of it takes longer to import than the rest of Ryu.
        _stand_in("distutils")
        _stand_in("distutils.version", LooseVersion=lambda text: tuple(map(int, text.split("."))))
    is_program = sys.argv[0] == __file__  # else a stock Ryu has loaded it
    if is_program and not any(argument.startswith("--app") for argument in sys.argv):
        _leave_out_what_only_other_apps_need()
        return
    import eventlet.wsgi

    if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
        eventlet.wsgi.ALREADY_HANDLED = b""  # eventlet 0.30.3 took it away, ryu.app.wsgi imports it


def _leave_out_what_only_other_apps_need() -> None:
    """Most of what Ryu imports, of the time that it takes to start and of its memory, is not for this application."""
    _stand_in("ryu.app.wsgi")  # AppManager's web server
    _stand_in("eventlet.wsgi")
    _stand_in("eventlet.websocket", WebSocketWSGI=object)
    _stand_in("eventlet.green.ssl", wrap_socket=None)
    _stand_in("ssl")  # switches may be told to speak TLS, and the lab's are not
    _stand_in("asyncio")  # another hub of eventlet's runs in it
    for version, name in {0x01: "v1_0", 0x03: "v1_2", 0x05: "v1_4", 0x06: "v1_5"}.items():  # this one speaks 1.3
        _stand_in(f"ryu.ofproto.ofproto_{name}_parser")
        if name != "v1_0":  # whose constants the controller itself uses
            _stand_in(f"ryu.ofproto.ofproto_{name}", OFP_VERSION=version)
    # The 1.3 parser asks whether what is to be sent is a `Packet`; here it is bytes, and never read by Ryu.
    packet = _stand_in("ryu.lib.packet.packet", Packet=type("Packet", (), {}))
    ryu = importlib.util.find_spec("ryu")
    folders = [f"{folder}/lib/packet" for folder in (ryu and ryu.submodule_search_locations) or ()]
    _stand_in("ryu.lib.packet", packet=packet, __path__=folders)
    _stand_in("netaddr.compat", _open_binary=None)  # opens the list of who makes network cards
    _stand_in("rfc3986")  # oslo.config's, for options that are URIs
    _stand_in("stevedore")  # oslo.config's, for plugins


def _stand_in(name: str, **attributes: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(attributes)
    sys.modules[name] = module
    return module


_make_importable()
if importlib.util.find_spec("whodunet") is None:
    sys.path.append(str(HERE.parent))

from eventlet import hubs  # noqa: E402  (after _make_importable)
from ryu import cfg  # noqa: E402
from ryu.base import app_manager  # noqa: E402
from ryu.controller import ofp_event  # noqa: E402
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls  # noqa: E402
from ryu.lib import hub  # noqa: E402
from ryu.ofproto import ofproto_v1_3  # noqa: E402

from whodunet.errors import InvalidInput, Problem  # noqa: E402
from whodunet.openflow.policy import (  # noqa: E402
    FlowEntry,
    GotoTable,
    Match,
    Output,
    OxmValue,
    PacketOut,
    Policy,
    Track,
    meant,
)

Emit = Callable[[Mapping[str, object]], None]
Message = object  # one that Ryu's parser makes, of a class for each kind

_NO_TABLE = 0xFF  # Source: ovs-actions(7), `ct`: no recirculation
_LARGEST_ZONED_DPID = 0xFF


class Datapath(Protocol):
    """A connection to a switch, as Ryu has it, with the constants and the message classes of its OpenFlow version."""

    id: int | None  # until the switch has said it, None
    ofproto: ModuleType
    ofproto_parser: ModuleType

    def send_msg(self, message: Message) -> None: ...

    def set_xid(self, message: Message) -> int: ...


class StateChange(Protocol):
    """What Ryu tells of a connection that is ready, or gone."""

    datapath: Datapath
    state: str


class Reply(Protocol):
    """What Ryu has read from a switch, of whatever kind: `body` of statistics, `data` and `match` of a packet-in."""

    datapath: Datapath
    xid: int
    body: Counted
    data: bytes
    match: Mapping[str, int]
    type: int
    code: int
    experimenter: int
    exp_type: int


class Counted(Protocol):
    """What a switch says of all its entries together."""

    flow_count: int


class Received(Protocol):
    """Ryu's event of a message."""

    msg: Reply


class GreenThread(Protocol):
    """One of Eventlet's, as Ryu starts them."""

    dead: bool

    def wait(self) -> object: ...


@dataclass(frozen=True)
class Assignment:
    """One policy for one switch."""

    switch: str
    dpid: int
    revision: int
    policy: Policy

    def event(self, name: str, **details: object) -> Mapping[str, object]:
        """An event about this assignment."""
        return {"event": name, "switch": self.switch, "revision": self.revision, **details}


def print_event(event: Mapping[str, object]) -> None:
    """Writes one event as one line, at once."""
    print(json.dumps(event), flush=True)


@dataclass(frozen=True, eq=False)
class Installation:
    """One policy on its way into one switch, as a bundle of messages that takes effect as a whole.

    Source: OpenFlow 1.3 extension EXT-230, "Bundle Extension"; ovs-ofctl(8), "Bundles".
    """

    assignment: Assignment
    datapath: Datapath
    bundle_id: int

    def stage(self) -> Iterator[Message]:
        """The messages that fill the bundle, and a barrier: a switch commits without the messages that it refused."""
        yield self._control("OPEN")
        yield self._add(delete_all(self.datapath))
        for entry in self.assignment.policy.flow_entries():
            yield self._add(flow_mod(self.datapath, entry, self.assignment))
        yield self.datapath.ofproto_parser.OFPBarrierRequest(self.datapath)

    def commit(self) -> Iterator[Message]:
        """The messages that put the bundle into effect, and have the switch count its entries."""
        ofproto, parser = self.datapath.ofproto, self.datapath.ofproto_parser
        everything = (ofproto.OFPTT_ALL, ofproto.OFPP_ANY, ofproto.OFPG_ANY, 0, 0, parser.OFPMatch())
        yield self._control("COMMIT")
        yield parser.OFPBarrierRequest(self.datapath)
        yield parser.OFPAggregateStatsRequest(self.datapath, 0, *everything)

    def discard(self) -> Iterator[Message]:
        """The message that throws the bundle away."""
        yield self._control("DISCARD")

    def _control(self, name: str) -> Message:
        kind = getattr(self.datapath.ofproto, f"ONF_BCT_{name}_REQUEST")
        return self.datapath.ofproto_parser.ONFBundleCtrlMsg(self.datapath, self.bundle_id, kind, self._flags(), [])

    def _add(self, message: Message) -> Message:
        return self.datapath.ofproto_parser.ONFBundleAddMsg(self.datapath, self.bundle_id, self._flags(), message, [])

    def _flags(self) -> int:
        return int(self.datapath.ofproto.ONF_BF_ATOMIC | self.datapath.ofproto.ONF_BF_ORDERED)


class PolicyApp(app_manager.RyuApp):
    """Holds one policy for each switch and keeps the switches at it."""

    OFP_VERSIONS: ClassVar = [ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args: object, emit: Emit = print_event, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._emit = emit
        self._wanted: dict[int, Assignment] = {}  # by dpid, as the two that follow
        self._in_effect: dict[int, Assignment] = {}
        self._datapaths: dict[int, Datapath] = {}
        self._under_way: dict[int, Installation] = {}  # by transaction id of each of its messages
        self._staged: dict[int, Installation] = {}  # by transaction id of the barrier behind its bundle
        self._bundle_ids = count(1)
        self._sending = hub.Semaphore(1)
        self._logged: set[str] = set()

    def start(self) -> GreenThread:
        """Starts to handle events, and to read lines from standard input."""
        thread: GreenThread = super().start()
        self.reader: GreenThread = hub.spawn(read_lines, self.receive)
        return thread

    def receive(self, line: bytes) -> None:
        """Carries out one line of the protocol; one that is not of the protocol is logged."""
        try:
            order = json.loads(line)["set"]
            switch, dpid, revision = str(order["switch"]), int(order["dpid"]), int(order["revision"])
            ports, config = order["ports"], order["config"]
        except (ValueError, KeyError, TypeError) as error:
            LOG.error("not a line of the protocol (%r): %r", error, line[:200])
            return
        try:
            self._assign(Assignment(switch, dpid, revision, load_policy(config, ports, switch)))
        except InvalidInput as error:
            self._refuse(switch, revision, *error.problems)
        except Exception as error:  # a policy's defect must not end the program for all switches
            LOG.exception("%s: revision %d", switch, revision)
            self._refuse(switch, revision, Problem(switch, f"the policy failed: {error!r}", "fix the policy's file"))

    def _refuse(self, switch: str, revision: int, *problems: Problem) -> None:
        listed = [vars(problem) for problem in problems]
        self._emit({"event": "refused", "switch": switch, "revision": revision, "problems": listed})

    def _assign(self, assignment: Assignment) -> None:
        if not 0 < assignment.dpid <= _LARGEST_ZONED_DPID:
            place = f"{assignment.switch}: dpid"
            raise InvalidInput(Problem(place, f"{assignment.dpid} leaves no tracking zone", "number it from 1 to 255"))
        self._wanted[assignment.dpid] = assignment
        if datapath := self._datapaths.get(assignment.dpid):
            try:
                self._install(assignment.dpid, datapath)
            except Exception:
                self._keep_in_effect(assignment)
                raise

    def _install(self, dpid: int, datapath: Datapath) -> None:
        # Sending waits where a switch is slow. Two bundles that mixed could commit in the wrong order.
        with self._sending:
            installation = Installation(self._wanted[dpid], datapath, next(self._bundle_ids))
            messages = self._numbered(installation, installation.stage())
            *_, barrier = messages
            self._staged[barrier] = installation
            for message in messages.values():
                datapath.send_msg(message)

    def _numbered(self, installation: Installation, messages: Iterator[Message]) -> dict[int, Message]:
        """The messages, in their order, by the transaction ids by which answers to them are known."""
        numbered = {installation.datapath.set_xid(message): message for message in messages}
        self._under_way |= dict.fromkeys(numbered, installation)
        return numbered

    def _end(self, installation: Installation) -> None:
        for by_xid in (self._under_way, self._staged):
            for xid in [xid for xid, other in by_xid.items() if other is installation]:
                del by_xid[xid]

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def on_state_change(self, event: StateChange) -> None:
        """Puts the policy of a switch in when it comes, and forgets the connection when it goes."""
        datapath = event.datapath
        if datapath.id is None:  # it went before it said who it is
            return
        if event.state == MAIN_DISPATCHER:
            self._datapaths[datapath.id] = datapath
            self._emit({"event": "connected", "dpid": datapath.id})
            datapath.send_msg(first_fragments_have_ports(datapath))
            if datapath.id in self._wanted:
                self._install(datapath.id, datapath)
            return
        for installation in [other for other in self._staged.values() if other.datapath is datapath]:
            self._end(installation)
        if datapath in self._datapaths.values():  # not one that came back before its old connection was gone
            del self._datapaths[datapath.id]
            self._emit({"event": "disconnected", "dpid": datapath.id})

    @set_ev_cls(ofp_event.EventOFPBarrierReply, MAIN_DISPATCHER)
    def on_barrier(self, event: Received) -> None:
        """Commits the bundle that the switch has taken without an error."""
        if installation := self._staged.get(event.msg.xid):
            self._in_effect[installation.assignment.dpid] = installation.assignment
            for message in self._numbered(installation, installation.commit()).values():
                installation.datapath.send_msg(message)

    @set_ev_cls(ofp_event.EventOFPAggregateStatsReply, MAIN_DISPATCHER)
    def on_count(self, event: Received) -> None:
        """Confirms what the switch has counted after it committed the bundle."""
        if installation := self._under_way.get(event.msg.xid):
            self._end(installation)
            self._emit(installation.assignment.event("confirmed", entries=event.msg.body.flow_count))

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def on_error(self, event: Received) -> None:
        """Gives an installation up at its first error; an error about anything else is only logged."""
        message = error_text(event.msg)
        installation = self._under_way.get(event.msg.xid)
        if installation is None:
            self._log_once(message)
            return
        self._end(installation)
        self._keep_in_effect(installation.assignment)
        for discard in installation.discard():
            installation.datapath.send_msg(discard)
        self._emit(installation.assignment.event("failed", message=message))

    def _keep_in_effect(self, failed: Assignment) -> None:
        if self._wanted.get(failed.dpid) is failed:
            del self._wanted[failed.dpid]
            if failed.dpid in self._in_effect:
                self._wanted[failed.dpid] = self._in_effect[failed.dpid]

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def on_packet_in(self, event: Received) -> None:
        """Sends what the switch's policy answers."""
        message = event.msg
        assignment = self._in_effect.get(message.datapath.id or 0)
        if assignment is None:
            return
        try:
            for packet_out in assignment.policy.answer(bytes(message.data), message.match["in_port"]):
                message.datapath.send_msg(packet_out_message(message.datapath, packet_out))
        except Exception as error:  # a policy's defect must not end the answers for all switches
            self._log_once(f"{assignment.switch}: {type(error).__name__}", exc_info=error)

    def _log_once(self, kind: str, exc_info: BaseException | None = None) -> None:
        if kind not in self._logged:
            self._logged.add(kind)
            LOG.error("%s (logged once)", kind, exc_info=exc_info)


class SwitchReporter(app_manager.RyuApp):
    """Reports which switches come and go, beside an application that does not.

    A stock Ryu takes the first application of a file by name; that is to be PolicyApp.
    """

    def __init__(self, emit: Emit) -> None:
        super().__init__()
        self._emit = emit

    def start(self) -> GreenThread:
        """Starts to handle events, and to wait for the end of standard input."""
        thread: GreenThread = super().start()
        self.reader: GreenThread = hub.spawn(
            read_lines, lambda line: LOG.error("--app takes no policies: %r", line[:200])
        )
        return thread

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def on_state_change(self, event: StateChange) -> None:
        """Reports one change."""
        if event.datapath.id is not None:
            name = "connected" if event.state == MAIN_DISPATCHER else "disconnected"
            self._emit({"event": name, "dpid": event.datapath.id})


def load_policy(config: object, ports: Mapping[str, int], place: str) -> Policy:
    """The policy that `config` states, of the file beside this one that its `controller` names.

    Raises:
        InvalidInput: with every problem found.
    """
    if not isinstance(config, Mapping):
        raise InvalidInput(Problem(place, f"{config!r} is not a mapping", "write `controller: NAME` and its keys"))
    files = policy_files()
    name = config.get("controller")
    if name not in files:
        raise InvalidInput(Problem(f"{place}: controller", f"there is no {name!r}", meant(str(name), list(files))))
    policy: Policy = _module(str(name), files[name]).POLICY.from_config(config, ports, place)
    _refuse_foreign_zones(policy, place)
    return policy


def policy_files() -> dict[str, Path]:
    """The file of each policy, by name; of two with one name that of the first folder."""
    paths = [path for folder in reversed(POLICY_FOLDERS) for path in folder.glob("[a-z]*.py")]
    return {path.stem: path for path in paths if path.stem != Path(__file__).stem}


def _module(name: str, file: Path) -> ModuleType:
    qualified = f"whodunet_controllers.{name}"
    if qualified not in sys.modules:
        spec = importlib.util.spec_from_file_location(qualified, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[qualified] = module  # dataclasses look their module up while it is executed
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[qualified]
            raise
    return sys.modules[qualified]


def _refuse_foreign_zones(policy: Policy, place: str) -> None:
    tracks = (action for entry in policy.flow_entries() for action in entry.actions if isinstance(action, Track))
    for zone in {track.zone for track in tracks if not 0 <= track.zone <= 0xFF}:
        raise InvalidInput(Problem(place, f"tracking zone {zone} is another switch's", "use port numbers up to 255"))


def first_fragments_have_ports(datapath: Datapath) -> Message:
    """The message that has the switch show the ports of first fragments, which are 0 otherwise.

    Source: ovs-ofctl(8), `set-frags`, nx-match; nicira-ext.h, OFPC_FRAG_NX_MATCH.
    """
    return datapath.ofproto_parser.OFPSetConfig(datapath, 3, datapath.ofproto.OFPCML_NO_BUFFER)


def delete_all(datapath: Datapath) -> Message:
    """The message that deletes the entries of all tables."""
    ofproto = datapath.ofproto
    return datapath.ofproto_parser.OFPFlowMod(
        datapath,
        command=ofproto.OFPFC_DELETE,
        table_id=ofproto.OFPTT_ALL,
        out_port=ofproto.OFPP_ANY,
        out_group=ofproto.OFPG_ANY,
    )


def flow_mod(datapath: Datapath, entry: FlowEntry, assignment: Assignment) -> Message:
    """The message that adds one entry; its cookie is the revision of the policy."""
    parser = datapath.ofproto_parser
    return parser.OFPFlowMod(
        datapath,
        cookie=assignment.revision,
        table_id=entry.table,
        priority=entry.priority,
        match=parser.OFPMatch(**_in_order(entry.match)),
        instructions=_instructions(datapath, entry, assignment.dpid),
    )


def _in_order(match: Match) -> dict[str, OxmValue]:
    """The match with the prerequisites of Nicira's fields under Nicira's names.

    Ryu writes fields in the order of their numbers, Nicira's first, and the switch wants prerequisites before the
    fields that need them.
    """
    prerequisites = ("eth_type", "ip_proto", "icmpv6_type")
    return {f"{key}_nxm" if key in prerequisites else key: value for key, value in match.items()}


def _instructions(datapath: Datapath, entry: FlowEntry, dpid: int) -> list[object]:
    """The entry's actions as OpenFlow has them: what is done at once, then where the packet goes on."""
    ofproto, parser = datapath.ofproto, datapath.ofproto_parser
    actions = [_action(datapath, action, dpid) for action in entry.actions if not isinstance(action, GotoTable)]
    apply = [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)] if actions else []
    return apply + [parser.OFPInstructionGotoTable(a.table) for a in entry.actions if isinstance(a, GotoTable)]


def _action(datapath: Datapath, action: Output | Track, dpid: int) -> object:
    ofproto, parser = datapath.ofproto, datapath.ofproto_parser
    if isinstance(action, Output):
        return parser.OFPActionOutput(action.port, ofproto.OFPCML_NO_BUFFER)
    marks = [] if action.mark is None else [parser.OFPActionSetField(ct_mark=action.mark)]
    return parser.NXActionCT(
        flags=int(action.commit),  # bit 0 commits. Source: nicira-ext.h, enum nx_conntrack_flags
        zone_src="",
        zone_ofs_nbits=dpid << 8 | action.zone,  # all userspace bridges of one machine share one table of zones
        recirc_table=_NO_TABLE if action.table is None else action.table,
        alg=0,
        actions=marks,
    )


def packet_out_message(datapath: Datapath, packet_out: PacketOut) -> Message:
    """The message that sends a frame out of a port."""
    ofproto, parser = datapath.ofproto, datapath.ofproto_parser
    return parser.OFPPacketOut(
        datapath,
        buffer_id=ofproto.OFP_NO_BUFFER,
        in_port=ofproto.OFPP_CONTROLLER,  # any other, and the switch would not send it out of that port
        actions=[parser.OFPActionOutput(packet_out.port)],
        data=packet_out.frame,
    )


def error_text(message: Reply) -> str:
    """What a switch complains about, in OpenFlow's names where it has some."""
    ofproto = message.datapath.ofproto
    if message.type == ofproto.OFPET_EXPERIMENTER:
        return f"experimenter error {message.exp_type} of {message.experimenter:#x}"
    kind = ofproto.ofp_error_type_to_str(message.type)
    return f"{kind}: {ofproto.ofp_error_code_to_str(message.type, message.code)}"


def read_lines(receive: Callable[[bytes], None]) -> None:
    """Hands over every line of standard input until its end, while other green threads go on."""
    rest = b""
    while chunk := _read_some():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            receive(line)


def _read_some() -> bytes:
    with contextlib.suppress(OSError):  # a file or /dev/null cannot be polled, and never makes anybody wait
        hubs.trampoline(0, read=True)
    return os.read(0, 1 << 16)


def _claim_stdout() -> Emit:
    """Keeps standard output for events: what anything else prints goes to standard error."""
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def emit(event: Mapping[str, object]) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    return emit


def _listen_address(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"([0-9.]+):([0-9]{1,5})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address and a port, as 127.0.0.1:6653")
    return found[1], int(found[2])


def _free(address: tuple[str, int]) -> bool:
    """Whether the address can be listened on: eventlet would share the port with whoever listens there already."""
    with socket.socket() as trial, contextlib.suppress(OSError):
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
        trial.listen()  # two may be bound to a port, one of them may listen
        return True
    return False


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Carries policies out with Ryu.")
    parser.add_argument("--listen", type=_listen_address, default=("127.0.0.1", 6653), metavar="ADDRESS:PORT")
    parser.add_argument("--policies", action="append", type=Path, default=[], help="a further folder of policies")
    parser.add_argument("--app", action="append", default=[], help="a Ryu application to run in place of the policies")
    return parser.parse_args()


def _start_apps(apps: list[str], emit: Emit) -> tuple[list[GreenThread], GreenThread]:
    """Starts Ryu with the applications; gives their green threads, and the one that reads standard input."""
    ryu = app_manager.AppManager.get_instance()
    ryu.load_apps([*apps, "ryu.controller.ofp_handler"])
    contexts = ryu.create_contexts()
    own = ryu.instantiate(SwitchReporter if apps else PolicyApp, emit=emit)
    threads = ryu.instantiate_apps(**contexts)  # starts all that was instantiated
    return threads, own.reader


def main() -> int:
    """Runs until standard input ends; 1 if the port cannot be listened on."""
    hubs.use_hub()  # a new one: all that are forked of a process that has imported Ryu would share what its hub polls
    arguments = _arguments()
    POLICY_FOLDERS.extend(arguments.policies)
    level = logging.INFO if arguments.app else logging.WARNING  # INFO is what ryu-manager shows of an application
    logging.basicConfig(stream=sys.stderr, level=level, format="%(name)s: %(message)s")
    emit = _claim_stdout()
    if not _free(arguments.listen):
        LOG.error("cannot listen on %s:%d", *arguments.listen)
        return 1
    if arguments.app:
        hub.patch(thread=False)  # as ryu-manager does, for applications that sleep or open sockets
    cfg.CONF(args=[], project="ryu")
    cfg.CONF.set_override("ofp_listen_host", arguments.listen[0])
    cfg.CONF.set_override("ofp_tcp_listen_port", arguments.listen[1])
    threads, reader = _start_apps(arguments.app, emit)
    hub.sleep(0)  # lets every green thread run up to where it waits; for the OpenFlow server that is `accept`
    if any(thread.dead for thread in threads):
        return 1
    emit({"event": "listening"})
    reader.wait()
    return 0


if __name__ == "__main__":
    # Not sys.exit: it would wait for green threads that never end.
    os._exit(main())
