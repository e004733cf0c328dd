"""Prints the names and types of a table's columns as delta-rs has them, a value of usuario_id, and what VACUUM would
remove."""

import json
import sys

import deltalake

table = deltalake.DeltaTable(sys.argv[1])
rows = table.to_pyarrow_table()
declared = {field.name: field.type.type for field in table.schema().fields}
vacuumed = table.vacuum(dry_run=True, full=True)
print(json.dumps({"declared": declared, "usuario_id": rows.column("usuario_id").to_pylist()[0], "vacuumed": vacuumed}))
