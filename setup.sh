#!/usr/bin/env bash
# What is here of what mlebench needs, what is missing, how to get it, and what works without it.
#
#   ./setup.sh             look, change nothing
#   ./setup.sh --install   look, and when the minimum is there, make .venv and install into it
#
# The minimum is Python 3.11 or 3.12 with venv, make, and room on the disk; all else is optional. It never asks
# anything, reads no secret aloud, and looks for credentials where the program does: in the environment, in .env (or
# the file that MLEBENCH_ENV_FILE names) and in ~/.kaggle.
#
# Exit codes: 0, the minimum is there (and is installed, with --install); 1, it is not; 2, wrong arguments.
set -u
env_file=${MLEBENCH_ENV_FILE:-}
case $env_file in '' | /*) ;; *) env_file=$PWD/$env_file ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
env_file=${env_file:-.env}

readonly NEEDED_GB=3 # the environment has 1 GB, and nothing is started with less than 2 GB free
readonly PATIENCE=10 # seconds for an engine that does not answer
minimum=yes

ok() { printf '  ok        %s\n' "$1"; }
warn() { printf '  %-9s %s\n' "$1" "$2" && shift 2 && printf '            %s\n' "$@"; }
lacks() { minimum=no && warn MISSING "$@"; } # of the minimum
misses() { warn "not here" "$@"; } # optional

has() { command -v "$1" >/dev/null 2>&1; }

# The command, for PATIENCE seconds at most where that can be limited (macOS has no timeout).
patiently() { if has timeout; then timeout "$PATIENCE" "$@"; else "$@"; fi; }

# The value of a variable: from the environment, else from the env file, which is read and not executed.
value_of() {
  local name=$1 line
  if [ -n "${!name:-}" ]; then
    printf '%s' "${!name}"
  elif [ -r "$env_file" ]; then
    line=$(grep -E "^[[:space:]]*(export[[:space:]]+)?${name}[[:space:]]*=" "$env_file" | tail -n 1)
    line=${line#*=}
    line=${line#"${line%%[![:space:]]*}"}
    case $line in
      \"*) line=${line#\"} && line=${line%%\"*} ;;
      \'*) line=${line#\'} && line=${line%%\'*} ;;
      *) line=${line%%[[:space:]]#*} && line=${line%"${line##*[![:space:]]}"} ;;
    esac
    case $line in '#'*) line= ;; esac
    printf '%s' "$line"
  fi
}

is_set() { [ -n "$(value_of "$1")" ]; }

check_python() {
  local name version found=
  for name in ${PYTHON:+"$PYTHON"} python3.12 python3.11 python3; do
    has "$name" || continue
    version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case $version in
      3.11 | 3.12)
        if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
          ok "Python $version with venv ($(command -v "$name"))"
          python=$name
          return
        fi
        found="Python $version without venv" ;;
      *) found=${found:-"Python $version"} ;;
    esac
  done
  lacks "Python 3.11 or 3.12 with venv${found:+; found: $found}" \
    "get it: apt-get install python3 python3-venv, or the package of that version of your system" \
    "another one than PATH's: PYTHON=/path/to/python ./setup.sh"
}

check_make() {
  if has make; then ok "make"; else lacks "make" "get it: apt-get install make"; fi
}

# The free space of the disk of a folder that may not be there yet, in GB.
free_gb() {
  local folder=$1
  while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
  df -Pk "$folder" 2>/dev/null | { read -r _ && read -r _ _ _ kilobytes _ && echo $((kilobytes * 1024 / 1000000000)); }
}

check_disk() {
  local gb data
  gb=$(free_gb .)
  if [ "${gb:-0}" -ge "$NEEDED_GB" ]; then
    ok "disk: $gb GB free here"
  else
    lacks "disk: ${gb:-an unknown number of} GB free here; at least $NEEDED_GB GB are needed" "make room, or move this folder"
  fi
  data=$(value_of MLEBENCH_DATA_DIR)
  data=${data:-${HOME:-/nonexistent}/.cache/mle-bench/data}
  case $data in
    s3://*) ok "data: in an object store" ;;
    *) ok "data: $(free_gb "${data/#\~/${HOME:-/nonexistent}}") GB free on the disk of $data; mlebench preflight says what a split needs" ;;
  esac
}

check_docker() {
  local engine said without="without it: agents run as plain processes, which are no isolation (run none that you do not trust)"
  engine=$(value_of DOCKER_HOST) # the one that the program uses: no context of the docker command's
  if ! has docker; then
    misses "Docker" "get it: https://docs.docker.com/engine/install/" "$without"
  elif said=$(DOCKER_HOST=${engine:-unix:///var/run/docker.sock} patiently docker version --format '{{.Server.Version}}' 2>&1); then
    ok "Docker ${said##*$'\n'}: each attempt runs in a container"
  else
    case $said in
      *"permission denied"*)
        misses "Docker: its engine answers, but not to you" \
          "get it: sudo usermod -aG docker \"\$USER\", and log in anew" "$without" ;;
      *)
        misses "Docker: the program is here, and no engine answers" \
          "get it: sudo systemctl start docker, or start Docker Desktop, or set DOCKER_HOST" "$without" ;;
    esac
  fi
}

check_services() {
  if has redis-server; then
    ok "redis-server"
  else
    misses "redis-server" "get it: apt-get install redis-server" \
      "without it: runs on this host use the server that is installed with the Python packages"
  fi
  if has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    ok "Postgres' programs"
  else
    misses "Postgres' programs" "get it: apt-get install postgresql" \
      "without it: runs on this host use SQLite; the tests of several hosts (make test) do not run"
  fi
}

# Where the Kaggle account is found; nothing when there is none. The same places in the same order as tasks/kaggle.py.
kaggle_source() {
  local home=${HOME:-/nonexistent}/.kaggle json
  json=$(value_of KAGGLE_CONFIG_DIR)
  json=${json:-$home}/kaggle.json
  if is_set KAGGLE_API_TOKEN; then
    echo KAGGLE_API_TOKEN
  elif [ -s "$home/access_token" ]; then
    echo "$home/access_token"
  elif is_set KAGGLE_USERNAME && is_set KAGGLE_KEY; then
    echo "KAGGLE_USERNAME and KAGGLE_KEY"
  elif [ -f "$json" ] && grep -q '"username"' "$json" 2>/dev/null && grep -q '"key"' "$json" 2>/dev/null; then
    echo "$json"
  fi
}

check_kaggle() {
  local source
  source=$(kaggle_source)
  if [ -n "$source" ]; then
    ok "Kaggle account ($source); mlebench preflight says whether Kaggle takes it"
  else
    misses "Kaggle account" \
      "get it: make a key at https://www.kaggle.com/settings; put kaggle.json into ~/.kaggle, or KAGGLE_USERNAME and" \
      "KAGGLE_KEY into .env" \
      "without it: the dev split and data that is prepared already; nothing is downloaded from Kaggle"
  fi
}

check_openai() {
  if is_set OPENAI_API_KEY; then
    ok "OPENAI_API_KEY"
  else
    misses "OPENAI_API_KEY" "get it: make a key at https://platform.openai.com/api-keys and put it into .env" \
      "without it: agents that ask no model (baseline, dummy); agents like AIDE do not start"
  fi
  if is_set OPENAI_BASE_URL; then ok "OPENAI_BASE_URL: models are asked for there"; fi
}

install() {
  PYTHON=$python make .venv/installed || return 1
  printf '\ninstalled into .venv\n'
}

main() {
  case $* in
    '' | --install) ;;
    --help | -h) sed -n '2,/^set -u/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) echo "error: unknown arguments: $*; expected none, --install or --help" >&2 && exit 2 ;;
  esac
  echo "needed:"
  check_python
  check_make
  check_disk
  printf '\noptional:\n'
  check_docker
  check_services
  check_kaggle
  check_openai
  if [ "$minimum" = no ]; then
    printf '\nThe minimum is not there: see MISSING above.\n'
    exit 1
  fi
  if [ "$*" = --install ]; then install || exit 1; fi
  printf '\nNext: make run            the baseline agent on six data sets%s\n' "$([ -d .venv ] || echo ', after installing')"
}

main "$@"
