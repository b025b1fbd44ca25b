#!/bin/sh
# Makes the namespace and the search attributes, then waits until the server answers for both. Harmless when repeated.
set -eu

attempts=60

try() {
  count=0
  until "$@"; do
    count=$((count + 1))
    if [ "$count" -ge "$attempts" ]; then
      echo "Gave up after $attempts attempts: $*" >&2
      exit 1
    fi
    sleep 2
  done
}

has_namespace() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" > /dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
}

has_attribute() {
  temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" | grep -qw "$1" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}

try temporal operator cluster health
try has_namespace
for name in DispatchState DispatchWaitingFor DispatchClientId DispatchChannel DispatchChannelType DispatchSenderId DispatchFailureClass DispatchReason DispatchBroadcastId; do
  try has_attribute "$name" Keyword
done
for name in DispatchWaitingSince DispatchDueAt; do
  try has_attribute "$name" Datetime
done
try has_attribute DispatchAttempts Int
echo "Namespace $TEMPORAL_NAMESPACE is ready."
