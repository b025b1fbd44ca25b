#!/bin/sh
# Makes Temporal's two databases and brings their schemas up to date. Harmless when repeated.
set -eu

tool() {
  temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" --db "$@"
}

for database in temporal temporal_visibility; do
  schema=${database#temporal_}
  tool "$database" create-database
  tool "$database" setup-schema -v 0.0
  tool "$database" update-schema --schema-name "postgresql/v12/$schema"
done
