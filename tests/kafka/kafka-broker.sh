#!/usr/bin/env bash
# kafka-broker.sh: a real Apache Kafka broker (KRaft, no ZooKeeper) on a loopback port, for tests.
#
# Everything comes from Maven Central by coordinates; there is no tarball and nothing is installed
# system-wide. Needs: java 17 or newer, mvn (for `install` only), bash 4.4+, coreutils, and openssl
# (only for --tls).
#
#   kafka-broker.sh check                              says why a broker cannot run here, exit 1, or nothing
#   kafka-broker.sh install
#   kafka-broker.sh start  [--port N] [--data DIR] [--tls] [--tls-client-auth] [--sasl]
#                          [--user NAME:PASSWORD]... [--auto-create] [--partitions N]
#                          [--conf KEY=VALUE]... [--properties FILE] [--no-wait]
#   kafka-broker.sh status [--port N | --data DIR]
#   kafka-broker.sh wait   [--port N | --data DIR] [--live N]   until it knows N live brokers (default 1)
#   kafka-broker.sh pid    [--port N | --data DIR]
#   kafka-broker.sh stop   [--port N | --data DIR] [--kill] [--wipe]
#   kafka-broker.sh topic  [--port N | --data DIR | --bootstrap H:P] --create NAME [--partitions N]
#                          [--replication N] [--config KEY=VALUE]... | --describe NAME | --delete NAME | --list
#   kafka-broker.sh tool   CLASS [ARGS...]     run any class of the jars, e.g.
#                          tool org.apache.kafka.tools.ConsumerPerformance --help
#   kafka-broker.sh help
#
# Ports, all on 127.0.0.1, counted from --port N (default 19092). Leave 10 between two brokers.
#   N    PLAINTEXT        always
#   N+1  TLS              --tls
#   N+2  SASL, no TLS     --sasl
#   N+3  SASL over TLS    --sasl --tls
#   N+4  KRaft controller always; not for clients
#
# SASL mechanisms on both SASL listeners: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512. Every --user has all
# three (default: alice:alice-secret). PLAIN users are read at each start. SCRAM users are written when
# the storage is formatted, that is at the first start of a data directory, with or without --sasl.
# Names and passwords are written into JAAS and SCRAM settings as they are: no quotes, commas or spaces.
#
# TLS files, made once by the first start with --tls, in DIR/tls:
#   ca.pem                    what a client must trust
#   client.pem, client.key    a client certificate of that CA, for --tls-client-auth (mutual TLS)
#   other-ca.pem              a CA that did NOT sign the broker's certificate, for refusal tests
# The broker's certificate names localhost, 127.0.0.1 and ::1.
#
# With --properties the broker runs on a copy of FILE, a whole server.properties, of which log.dirs alone is
# replaced by DIR/log. The options that otherwise write the file are without effect, and --port names the
# PLAINTEXT port that FILE makes the broker listen on.
#
# DIR (default: $KAFKA_LAB_CACHE/data-N) holds server.properties, kafka.pid, broker.log, bootstrap, tls/
# and log/. Stopping keeps it, and a later start goes on with its topics; `stop --wipe` removes it.
#
# Environment:
#   KAFKA_VERSION    default 4.4.0 (4.3.1, 4.2.1, 4.1.2, 4.0.2 and 3.9.2 were tried and work too; a data
#                    directory made by a newer version does not start under an older one)
#   KAFKA_LAB_CACHE  default ${XDG_CACHE_HOME:-$HOME/.cache}/kafka-lab; holds the jars, one folder a version
#   KAFKA_HEAP       default "-Xms128m -Xmx512m"; the broker's JVM
#   KAFKA_JVM        default empty; more flags for the broker's JVM
#   KAFKA_TOOL_XMX   default 256m; the heap of `tool` and `topic`
#   KAFKA_OWNER      default empty; a process id: once that process is gone, the broker that `start` started
#                    is killed and its data directory removed, so that a killed test leaves nothing behind
#   KAFKA_WAIT_S     default 60; how long `start` and `wait` wait for an answer
#   MVN_ARGS         default empty; more arguments for mvn in `install`
#   JAVA_HOME        default: the java on PATH
set -euo pipefail

KAFKA_VERSION=${KAFKA_VERSION:-4.4.0}
SCALA_VERSION=2.13
LOG4J_VERSION=2.25.3
KAFKA_LAB_CACHE=${KAFKA_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kafka-lab}
KAFKA_HEAP=${KAFKA_HEAP:--Xms128m -Xmx512m}
KAFKA_JVM=${KAFKA_JVM:-}
KAFKA_WAIT_S=${KAFKA_WAIT_S:-60}
MVN_ARGS=${MVN_ARGS:-}
HOST=127.0.0.1
JARS=$KAFKA_LAB_CACHE/jars-$KAFKA_VERSION
JAVA=java
[ -z "${JAVA_HOME:-}" ] || JAVA=$JAVA_HOME/bin/java

say() { printf '%s\n' "$*" >&2; }
die() { say "kafka-broker: $*"; exit 1; }
usage() { sed -n '2,/^set -euo/{/^set -euo/d;s/^# \{0,1\}//;p;}' "$0"; }

# ---------------------------------------------------------------------------------------------- install

# What `install` and `start` need. Nothing is installed or started.
check() {
  local version
  version=$("$JAVA" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || true
  [ "${version:-0}" -ge 17 ] || die "java 17 or newer is needed"
  [ -d "$JARS" ] || command -v mvn >/dev/null || die "mvn is needed to install the jars of Kafka $KAFKA_VERSION"
}

# Copies the broker, its command-line tools and a logging back-end into $JARS. The folder appears only
# when complete, so its being there is the whole check. connect-runtime (and with it Jetty and Jersey) is
# left out: of kafka-tools only the Connect plugin command needs it.
install() {
  [ ! -d "$JARS" ] || return 0
  command -v mvn >/dev/null || die "mvn is needed to install the jars"
  mkdir -p "$KAFKA_LAB_CACHE"
  exec 9>"$KAFKA_LAB_CACHE/install.lock"; flock 9        # two installs at once: the second one waits
  [ ! -d "$JARS" ] || return 0
  local work; work=$(mktemp -d "$KAFKA_LAB_CACHE/install.XXXXXX")
  cat >"$work/pom.xml" <<EOF
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lab</groupId><artifactId>kafka-lab</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_$SCALA_VERSION</artifactId><version>$KAFKA_VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$KAFKA_VERSION</version>
      <exclusions>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>$LOG4J_VERSION</version>
    </dependency>
    <dependency> <!-- Kafka 4.x logs through slf4j-api 1.7, hence not log4j-slf4j2-impl -->
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J_VERSION</version>
    </dependency>
  </dependencies>
</project>
EOF
  say "kafka-broker: getting Kafka $KAFKA_VERSION from Maven Central"
  # shellcheck disable=SC2086
  if ! (cd "$work" && mvn -B -q $MVN_ARGS dependency:copy-dependencies -DincludeScope=runtime \
          -DoutputDirectory="$work/jars" >"$work/mvn.log" 2>&1); then
    tail -20 "$work/mvn.log" >&2; rm -rf "$work"; die "mvn could not get the jars of Kafka $KAFKA_VERSION"
  fi
  cat >"$work/jars/log4j2.properties" <<'EOF'
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p [%t] %c{1} - %m%n
rootLogger.level = ${sys:kafka.lab.level:-info}
rootLogger.appenderRef.out.ref = out
EOF
  mv "$work/jars" "$JARS"; rm -rf "$work"
}

# Runs a class of the jars in a small short-lived JVM; only warnings are logged.
tool() {
  install
  "$JAVA" "-Xmx${KAFKA_TOOL_XMX:-256m}" "-XX:TieredStopAtLevel=${KAFKA_TOOL_TIER:-4}" -XX:+UseSerialGC \
    -Dkafka.lab.level=warn -Dlog4j2.configurationFile="$JARS/log4j2.properties" -cp "$JARS/*" "$@"
}

# ------------------------------------------------------------------------------------------- the broker

# The broker's process id, if it runs. The command line is checked as well, so that a process that was
# given the same id later is never taken for the broker.
running_pid() {
  local pid
  pid=$(cat "$DATA/kafka.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$DATA/server.properties" || return 1
  echo "$pid"
}

port_open() { (exec 3<>"/dev/tcp/$HOST/$1") 2>/dev/null; }

# How many brokers the one at port $1 knows to be alive; 0 while it does not answer. This is a Metadata
# request (version 1, no topics) sent by hand, since starting a JVM to ask would cost more than the
# broker's own start. An open port alone means little: the broker is of use once it lists itself, which
# it does when the controller has unfenced it.
live_brokers() {
  local answer
  answer=$(exec 2>/dev/null; timeout 2 bash -c '
    exec 3<>/dev/tcp/'"$HOST/$1"' || exit 0
    printf "\0\0\0\016\0\003\0\001\0\0\0\007\377\377\0\0\0\0" >&3
    head -c 12 <&3 | od -An -v -tu1 -w12') || true
  # shellcheck disable=SC2086
  set -- $answer                                    # twelve bytes: length, correlation id, brokers
  [ $# -eq 12 ] && [ "$8" -eq 7 ] || { echo 0; return; }
  echo $(( ($9 << 24) + (${10} << 16) + (${11} << 8) + ${12} ))
}

wait_ready() {
  local port=$1 end=$((SECONDS + KAFKA_WAIT_S))
  until [ "$(live_brokers "$port")" -ge "$LIVE" ]; do
    running_pid >/dev/null || { tail -30 "$DATA/broker.log" >&2; die "the broker ended; its log is $DATA/broker.log"; }
    [ $SECONDS -lt $end ] || die "no answer from $HOST:$port in $KAFKA_WAIT_S s; its log is $DATA/broker.log"
    sleep 0.1
  done
}

# A CA, the broker's certificate and a client's, as PEM files (Kafka reads PEM key stores itself). The
# work is done in a folder of its own, so that an interrupted run leaves nothing half made.
make_tls() {
  local d=$DATA/tls
  [ ! -d "$d" ] || return 0
  command -v openssl >/dev/null || die "openssl is needed for --tls"
  local w; w=$(mktemp -d "$DATA/tls.XXXXXX")
  (
    cd "$w"; exec >openssl.log 2>&1
    for ca in ca other-ca; do
      openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout $ca.key -out $ca.pem -subj "/CN=kafka-lab $ca" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
    done
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth,clientAuth\n' >broker.ext
    printf 'extendedKeyUsage=clientAuth\n' >client.ext
    for who in broker client; do
      openssl req -newkey rsa:2048 -nodes -keyout $who.key -out $who.csr -subj "/CN=$who"
      openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile $who.ext -out $who.pem
    done
    cat broker.key broker.pem ca.pem >broker-keystore.pem
    rm -f ./*.csr ./*.ext ./*.srl
    chmod 600 ./*.key broker-keystore.pem
  ) || { cat "$w/openssl.log" >&2; rm -rf "$w"; die "openssl could not make the certificates"; }
  mv "$w" "$d"
}

# server.properties is written anew at each start, so a changed option only needs a restart.
write_config() {
  if [ -n "$PROPERTIES" ]; then
    { cat "$PROPERTIES"; printf '\nlog.dirs=%s\n' "$DATA/log"; } >"$DATA/server.properties"; return
  fi
  local rf=1 isr=1
  if [ "$NODES" -gt 1 ]; then rf=$(( NODES < 3 ? NODES : 3 )); isr=$(( rf > 2 ? 2 : 1 )); fi
  local listeners=PLAIN://$HOST:$PORT protocols=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT
  if $TLS; then listeners+=,TLS://$HOST:$((PORT + 1)); protocols+=,TLS:SSL; fi
  if $SASL; then listeners+=,SASL://$HOST:$((PORT + 2)); protocols+=,SASL:SASL_PLAINTEXT; fi
  if $SASL && $TLS; then listeners+=,SASLTLS://$HOST:$((PORT + 3)); protocols+=,SASLTLS:SASL_SSL; fi
  {
    cat <<EOF
# Written by kafka-broker.sh at each start; changes here are lost.
process.roles=broker,controller
node.id=$NODE_ID
controller.quorum.voters=${VOTERS:-$NODE_ID@$HOST:$((PORT + 4))}
controller.listener.names=CONTROLLER
listeners=$listeners,CONTROLLER://$HOST:$((PORT + 4))
advertised.listeners=$listeners
listener.security.protocol.map=$protocols
inter.broker.listener.name=PLAIN
log.dirs=$DATA/log
num.partitions=$PARTITIONS
auto.create.topics.enable=$AUTO_CREATE
default.replication.factor=$rf
min.insync.replicas=$isr
# Internal topics: as many copies as there are brokers, and few partitions so that the first consumer
# group, transaction or share group does not wait for 50 of them.
offsets.topic.replication.factor=$rf
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=$rf
transaction.state.log.min.isr=$isr
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=$rf
share.coordinator.state.topic.min.isr=$isr
share.coordinator.state.topic.num.partitions=5
group.initial.rebalance.delay.ms=0
# Test events often carry old timestamps; with the usual 7 days they would be deleted at once.
log.retention.ms=-1
EOF
    if $TLS; then
      cat <<EOF
ssl.keystore.type=PEM
ssl.keystore.location=$DATA/tls/broker-keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=$DATA/tls/ca.pem
ssl.client.auth=$TLS_CLIENT_AUTH
EOF
    fi
    if $SASL; then
      local plain='org.apache.kafka.common.security.plain.PlainLoginModule required' user l
      for user in "${USERS[@]}"; do plain+=" user_${user%%:*}=\"${user#*:}\""; done
      echo 'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512'
      for l in sasl sasltls; do
        [ $l = sasl ] || $TLS || continue
        echo "listener.name.$l.plain.sasl.jaas.config=$plain;"
        echo "listener.name.$l.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
        echo "listener.name.$l.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
      done
    fi
    local c
    for c in "${CONF[@]}"; do echo "$c"; done       # last, so that it overrides what stands above
  } >"$DATA/server.properties"
  chmod 600 "$DATA/server.properties"               # it holds the PLAIN users' passwords
}

format_storage() {
  [ ! -f "$DATA/log/meta.properties" ] || return 0
  local scram=() user m
  for user in "${USERS[@]}"; do
    for m in SCRAM-SHA-256 SCRAM-SHA-512; do
      scram+=(--add-scram "$m=[name=${user%%:*},password=${user#*:}]")
    done
  done
  # Tier 1 only: the process lives for a second, and the optimising compiler would not pay.
  KAFKA_TOOL_TIER=1 tool kafka.tools.StorageTool format --cluster-id "$CLUSTER_ID" \
    --config "$DATA/server.properties" "${scram[@]}" >"$DATA/format.log" 2>&1 \
    || { cat "$DATA/format.log" >&2; die "the storage could not be formatted"; }
}

start() {
  install
  mkdir -p "$DATA"
  if running_pid >/dev/null; then
    say "kafka-broker: already running"; cat "$DATA/bootstrap"; return 0
  fi
  local p
  for p in 0 1 2 3 4; do                            # a port in use is said here, not in the broker's log
    case $p in 1) $TLS ;; 2) $SASL ;; 3) $TLS && $SASL ;; *) true ;; esac || continue
    ! port_open $((PORT + p)) || die "port $((PORT + p)) is in use"
  done
  ! $TLS || make_tls
  write_config
  format_storage
  # shellcheck disable=SC2086
  setsid nohup "$JAVA" $KAFKA_HEAP -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExitOnOutOfMemoryError $KAFKA_JVM \
    -Djava.awt.headless=true -Dlog4j2.configurationFile="$JARS/log4j2.properties" -cp "$JARS/*" \
    kafka.Kafka "$DATA/server.properties" >>"$DATA/broker.log" 2>&1 </dev/null 9>&- &
  echo $! >"$DATA/kafka.pid"
  {
    echo "$HOST:$PORT"
    ! $TLS || echo "TLS $HOST:$((PORT + 1)) ca=$DATA/tls/ca.pem"
    ! $SASL || echo "SASL_PLAINTEXT $HOST:$((PORT + 2))"
    ! { $SASL && $TLS; } || echo "SASL_SSL $HOST:$((PORT + 3)) ca=$DATA/tls/ca.pem"
  } >"$DATA/bootstrap"
  [ -z "${KAFKA_OWNER:-}" ] || guard &
  $WAIT || return 0
  wait_ready "$PORT"
  cat "$DATA/bootstrap"
}

# Runs beside the broker until its data directory or its owner is gone.
guard() {
  exec </dev/null >/dev/null 2>&1 9>&-              # or whoever reads this script's output waits for it
  while kill -0 "$KAFKA_OWNER" && [ -f "$DATA/server.properties" ]; do sleep 1; done
  KILL=true WIPE=true
  stop
}

stop() {
  local pid end port
  port=$(data_port)
  if pid=$(running_pid); then
    if $KILL; then kill -KILL "$pid"; else kill -TERM "$pid"; fi
    end=$((SECONDS + 30))
    # A killed process has no command line any more a moment before its port is closed.
    while running_pid >/dev/null || port_open "$port"; do
      [ $SECONDS -lt $end ] || { kill -KILL "$pid" 2>/dev/null || true; end=$((SECONDS + 30)); }
      sleep 0.1
    done
  fi
  rm -f "$DATA/kafka.pid"
  ! $WIPE || { [ ! -f "$DATA/server.properties" ] || rm -rf "$DATA"; }
}

status() {
  local pid port
  port=$(data_port)
  if ! pid=$(running_pid); then echo "stopped $DATA"; return 3; fi
  echo "running pid=$pid bootstrap=$HOST:$port live_brokers=$(live_brokers "$port")" \
       "rss_mb=$(( $(awk '/^VmRSS/{print $2}' "/proc/$pid/status") / 1024 )) data=$DATA"
  sed 1d "$DATA/bootstrap"
}

data_port() { local l; if read -r l <"$DATA/bootstrap"; then echo "${l##*:}"; else echo "$PORT"; fi 2>/dev/null; }

topic() {
  local args=() c
  case $TOPIC_VERB in
    create) args=(--create --topic "$TOPIC" --partitions "$PARTITIONS")
            [ -z "$REPLICATION" ] || args+=(--replication-factor "$REPLICATION")
            for c in "${TOPIC_CONFIG[@]}"; do args+=(--config "$c"); done ;;
    list)   args=(--list) ;;
    describe | delete) args=("--$TOPIC_VERB" --topic "$TOPIC") ;;
    *) die "topic wants --create NAME, --describe NAME, --delete NAME or --list" ;;
  esac
  KAFKA_TOOL_TIER=1 tool org.apache.kafka.tools.TopicCommand \
    --bootstrap-server "${BOOTSTRAP:-$HOST:$(data_port)}" "${args[@]}"
}

# ------------------------------------------------------------------------------------------------ main

verb=${1:-help}; [ $# -eq 0 ] || shift
case $verb in
  tool) [ $# -ge 1 ] || die "tool wants a class name"; tool "$@"; exit ;;
  help | -h | --help) usage; exit ;;
esac

PORT=19092 DATA='' TLS=false TLS_CLIENT_AUTH=none SASL=false AUTO_CREATE=false PARTITIONS=1 WAIT=true
KILL=false WIPE=false TOPIC_VERB='' TOPIC='' REPLICATION='' BOOTSTRAP='' PROPERTIES=''
NODE_ID=1 NODES=1 LIVE=1 VOTERS='' CLUSTER_ID=a2Fma2EtbGFiLTAwMDAwMQ
USERS=() CONF=() TOPIC_CONFIG=()
while [ $# -gt 0 ]; do
  case $1 in
    --tls) TLS=true ;;
    --tls-client-auth) TLS=true TLS_CLIENT_AUTH=required ;;
    --sasl) SASL=true ;;
    --auto-create) AUTO_CREATE=true ;;
    --no-wait) WAIT=false ;;
    --kill) KILL=true ;;
    --wipe) WIPE=true ;;
    --list) TOPIC_VERB=list ;;
    --*)
      [ $# -ge 2 ] || die "$1 wants a value"
      case $1 in
        --port) PORT=$2 ;;
        --data) DATA=$2 ;;
        --user) USERS+=("$2") ;;
        --partitions) PARTITIONS=$2 ;;
        --conf) CONF+=("$2") ;;
        --properties) PROPERTIES=$2 ;;
        --create | --describe | --delete) TOPIC_VERB=${1#--} TOPIC=$2 ;;
        --replication) REPLICATION=$2 ;;
        --config) TOPIC_CONFIG+=("$2") ;;
        --bootstrap) BOOTSTRAP=$2 ;;
        --live) LIVE=$2 ;;
        --node-id) NODE_ID=$2 ;;        # these four are for kafka-cluster.sh
        --nodes) NODES=$2 ;;
        --voters) VOTERS=$2 ;;
        --cluster-id) CLUSTER_ID=$2 ;;
        *) die "no such option: $1" ;;
      esac
      shift ;;
    *) die "not understood: $1" ;;
  esac
  shift
done
[ ${#USERS[@]} -gt 0 ] || USERS=(alice:alice-secret)
DATA=${DATA:-$KAFKA_LAB_CACHE/data-$PORT}
DATA=$(realpath -m -- "$DATA")                      # the broker is known by this name, see running_pid

case $verb in
  check) check ;;
  install) install; echo "$JARS" ;;
  start) start ;;
  stop) stop ;;
  status) status ;;
  pid) running_pid || die "not running: $DATA" ;;
  wait) wait_ready "$(data_port)"; cat "$DATA/bootstrap" ;;
  topic) topic ;;
  *) usage >&2; exit 2 ;;
esac
