import { z } from "zod";
import type { TableMetaData, TableProtocol } from "./delta_actions.ts";
import { EVENT_COLUMNS } from "./event_fields.ts";

/** Programs that read or write the table need no feature beyond these versions. */
export const PROTOCOL: TableProtocol = { minReaderVersion: 1, minWriterVersion: 2 };

/**
 * VACUUM takes what is no file of the table and older than this, were it the lake's checkpoint: its default of a week
 * would end a lake that had no new event for so long.
 */
const FILES_KEPT = "delta.deletedFileRetentionDuration", FILES_KEPT_FOR = "interval 3650 days";

/** The column that lies in the names of the lake partitions' folders, not in their files. */
export const PARTITION_COLUMN = "date";

interface Column {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
}

/** Delta's names for the types of EVENT_COLUMNS. */
const TYPES: Readonly<Record<string, string>> = {
  "string": "string",
  "timestamp(µs, UTC)": "timestamp",
  "int64": "long",
  "int32": "integer",
  "double": "double",
};

/** The table's columns, the partition column last. */
function columnsOf(pseudonymizedFields: readonly string[]): readonly Column[] {
  const columns = EVENT_COLUMNS.map(([name, text]): Column => {
    const [type = "", ...marks] = text.split(/, (?!UTC)/);
    const isPseudonym = pseudonymizedFields.includes(name);
    return {
      name,
      type: isPseudonym ? "string" : TYPES[type] ?? type,
      nullable: marks.includes("nullable"),
    };
  });
  return [...columns, { name: PARTITION_COLUMN, type: "date", nullable: false }];
}

/**
 * What the table is.
 *
 * @param pseudonymizedFields columns that hold keyed hashes, as strings
 */
export function tableMetaData(
  { id, createdAtMs, pseudonymizedFields }: {
    readonly id: string;
    readonly createdAtMs: number;
    readonly pseudonymizedFields: readonly string[];
  },
): TableMetaData {
  const fields = columnsOf(pseudonymizedFields).map((column) => ({ ...column, metadata: {} }));
  return {
    id,
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify({ type: "struct", fields }),
    partitionColumns: [PARTITION_COLUMN],
    createdTime: createdAtMs,
    configuration: { [FILES_KEPT]: FILES_KEPT_FOR },
  };
}

const schema = z.object({
  fields: z.array(z.object({ name: z.string(), type: z.unknown() })),
});

/**
 * Why a log is not one of the lake's own table that this program can append to; null where it is.
 *
 * @param pseudonymizedFields columns that hold keyed hashes; null where they are not known
 */
export function whyNotOurs(
  { protocol, metaData }: {
    readonly protocol: TableProtocol | null;
    readonly metaData: TableMetaData | null;
  },
  pseudonymizedFields: readonly string[] | null = null,
): string | null {
  if (protocol === null || metaData === null) return "it does not say what the table is";
  const { minReaderVersion, minWriterVersion } = protocol;
  if (
    minReaderVersion > PROTOCOL.minReaderVersion || minWriterVersion > PROTOCOL.minWriterVersion
  ) {
    return `another program raised the table's protocol to reader version ${minReaderVersion} and writer ` +
      `version ${minWriterVersion}; orilla writes 1 and 2`;
  }
  if (metaData.configuration["delta.appendOnly"] === "true") {
    return "another program set delta.appendOnly";
  }
  if (metaData.partitionColumns.join() !== PARTITION_COLUMN) {
    return `the table is partitioned by ${metaData.partitionColumns.join(", ") || "nothing"}`;
  }
  const found = namesAndTypes(metaData.schemaString);
  const choices = pseudonymizedFields === null ? [[], ["usuario_id"]] : [pseudonymizedFields];
  return choices.some((fields) => found === columnsOf(fields).map(nameAndType).sort().join())
    ? null
    : "the table's columns are not those of the lake";
}

function nameAndType({ name, type }: { readonly name: string; readonly type?: unknown }): string {
  return `${name} ${typeof type === "string" ? type : JSON.stringify(type)}`;
}

/** The columns of a schema in an order that does not matter; null where it is none. */
function namesAndTypes(schemaString: string): string | null {
  try {
    return schema.parse(JSON.parse(schemaString)).fields.map(nameAndType).sort().join();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}
