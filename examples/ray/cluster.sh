#!/usr/bin/env bash
# One machine joins, or leaves, the Ray cluster that `[run] engine = "ray"` uses.
#
#   cluster.sh head                 on the first machine: prints the address of the cluster
#   cluster.sh worker HEAD:6379     on every other machine
#   cluster.sh stop                 on any: leaves the cluster; what is at work there is done elsewhere
#
# Every machine needs the same environment (coarse2fine with the extra `ray`, the same Python), and sees work_dir, videos,
# weights and checkpoint under the same paths; or all but the weights on a store, whose credentials and AWS_ENDPOINT_URL are
# then in the environment of this script on every machine (docs/storage.md). Then, on the head, with ray_address = "auto":
#
#   coarse2fine doctor --config run.toml && coarse2fine run --config run.toml
#
# Ray asks nobody who he is: whoever reaches its ports runs code as this user. Keep them on a network of your own.
set -euo pipefail

# Ray lowers the priority of what it runs by 15; on machines that do nothing else that is of no use.
export RAY_worker_niceness="${RAY_worker_niceness:-0}" RAY_USAGE_STATS_ENABLED=0

case "${1:-}" in
head)
  # Without --node-ip-address Ray takes the address of the default route.
  ray start --head --port="${PORT:-6379}" --include-dashboard=false --disable-usage-stats \
    ${CORES:+--num-cpus="$CORES"} ${ADDRESS:+--node-ip-address="$ADDRESS"}
  ;;
worker)
  ray start --address="${2:?HEAD:PORT}" --disable-usage-stats ${CORES:+--num-cpus="$CORES"}
  ;;
stop)
  ray stop --grace-period 30
  ;;
*)
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
