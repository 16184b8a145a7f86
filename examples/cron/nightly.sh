#!/bin/sh
# One night: bring everything up to date, then make room. For cron; systemd and Slurm have their own examples.
#
#   nightly.sh /films/run.toml
#
# COARSE2FINE   the program (default: coarse2fine on the PATH)
# KEEP          how many runs stay (default 14)
# METRICS       folder of Prometheus' textfile collector; needs WORK, the work_dir of the configuration
#
# Exits with the code of the run: up to 1 it is done; anything else needs a person, and old runs are kept until then
# (docs/runbook.md has all codes). A second start while one is at work exits 3 and changes nothing.
set -u
config=${1:?usage: nightly.sh CONFIG}
program=${COARSE2FINE:-coarse2fine}

"$program" run --config "$config"
code=$?

case $code in
0 | 1) "$program" gc --config "$config" --keep "${KEEP:-14}" || code=$? ;;
esac

if [ -n "${METRICS:-}" ] && [ -f "${WORK:?set WORK beside METRICS}/metrics.prom" ]; then
    # in one step, so that the collector never reads half a file
    cp "$WORK/metrics.prom" "$METRICS/.coarse2fine.$$" && mv "$METRICS/.coarse2fine.$$" "$METRICS/coarse2fine.prom"
fi
exit $code
