# shellcheck shell=bash
# Apache Kafka for scripts/servers: one node that is broker and controller, from the jars that scripts/kafka/pom.xml
# names, without Kafka's own scripts.
variable[kafka]=FANFARE_TEST_KAFKA
stop_signal[kafka]=KILL # an orderly stop takes seconds

java_program() { if [ -n "${JAVA_HOME:-}" ]; then echo "$JAVA_HOME/bin/java"; else echo java; fi; }

# It prints `openjdk version "17.0.15" …`.
java_is_new_enough() {
  local version
  version=$("$(java_program)" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') && ((${version:-0} >= 17))
}

# Where Kafka's jars are, or are to be: one folder for each state of the pom.
kafka_jars() { echo "$dir/kafka-jars/$(sha256sum "$root/scripts/kafka/pom.xml" | cut -c 1-16)"; }

install_kafka() {
  local jars
  java_is_new_enough || apt_install openjdk-17-jre-headless || apt_install default-jre-headless \
    || missing kafka "Java 17 or later"
  java_is_new_enough || die "Kafka needs Java 17 or later, which $(java_program) is not: set JAVA_HOME or ${variable[kafka]}."
  jars=$(kafka_jars)
  [ ! -d "$jars" ] || return 0
  has mvn || apt_install maven || missing kafka "Maven (mvn), which fetches Kafka's jars,"
  say "fetching Kafka's jars"
  rm -rf "$jars.part"
  mvn -q -B -Dstyle.color=never -f "$root/scripts/kafka/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies \
    -DoutputDirectory="$jars.part" </dev/null >&2 || die "Maven could not fetch Kafka's jars."
  mv "$jars.part" "$jars"
}

make_home_kafka() { mkdir "$dir/kafka"; }

start_kafka() {
  local port=$1 controller_port java log=-Dorg.slf4j.simpleLogger
  while controller_port=$(free_port); [ "$controller_port" = "$port" ]; do :; done
  java=("$(java_program)" -cp "$(kafka_jars)/*"
    "$log.showDateTime=true" "$log.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
    "$log.log.org.apache.kafka.common.config=warn") # it would print each setting, several times
  server_properties "$port" "$controller_port" >server.properties
  if [ ! -d data ]; then
    # The id of 16 bytes must not begin with a minus; `f` makes it begin with `Z`.
    { printf f; random_bytes 15; } | base64url >cluster-id
    "${java[@]}" -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format \
      --cluster-id "$(<cluster-id)" --config server.properties
  fi
  spawn "${java[@]}" -Xmx512m kafka.Kafka server.properties
  echo "127.0.0.1:$port" >url.next
}

# server_properties PORT CONTROLLER_PORT. One node, so one copy of everything; few partitions in the topics of Kafka's
# own, since each costs files; no wait for further consumers when a group's first one comes.
server_properties() {
  cat <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$PWD/data
auto.create.topics.enable=true
num.partitions=3
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
CONF
}

# Kafka's own tools take seconds of Java for one question, so it is asked by hand: a Metadata request, version 2,
# without client name and topics. The answer is 57 bytes up to the end of the cluster's id if it lists one broker at
# "127.0.0.1", and shorter while the broker has not joined its cluster.
answers_kafka() {
  local port=${1##*:}
  {
    printf '\0\0\0\x0e''\0\x03''\0\x02''\0\0\0\x01''\xff\xff''\0\0\0\0' >&3
    timeout 2 head -c 57 <&3 | grep -aF -- "$(<"$dir/kafka/cluster-id")" >/dev/null
  } 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$port"
}
