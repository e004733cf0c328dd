import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { Buffer } from "node:buffer";
import { gunzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import lz4 from "lz4js";
import SnappyJS from "snappyjs";

/** Decompresses the records of a record batch; 0 is not compressed (kafka.apache.org/documentation, "Record Batch"). */
export function decompress(codec: number, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case CompressionTypes.None:
      return bytes;
    case CompressionTypes.GZIP:
      return gunzipSync(bytes);
    case CompressionTypes.Snappy:
      return decompressSnappy(bytes);
    case CompressionTypes.LZ4:
      return lz4.decompress(bytes);
    case CompressionTypes.ZSTD:
      return zstdDecompressSync(bytes);
    default:
      throw new Error(`Cannot read records of compression codec ${codec}`);
  }
}

/** What kafkajs asks of a compression codec. */
interface Codec {
  compress(encoder: { readonly buffer: Uint8Array }): Promise<Uint8Array>;
  decompress(bytes: Uint8Array): Promise<Uint8Array>;
}

/** Teaches kafkajs the codecs that other producers use; it brings gzip itself. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = () => snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4Frame;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}

const zstd: Codec = {
  compress: ({ buffer }) => Promise.resolve(zstdCompressSync(buffer)),
  decompress: (bytes) => Promise.resolve(zstdDecompressSync(bytes)),
};

const lz4Frame: Codec = {
  compress: ({ buffer }) => Promise.resolve(Buffer.from(lz4.compress(buffer))),
  decompress: (bytes) => Promise.resolve(Buffer.from(lz4.decompress(bytes))),
};

const snappy: Codec = {
  compress: ({ buffer }) => Promise.resolve(Buffer.from(SnappyJS.compress(buffer))),
  decompress: (bytes) => Promise.resolve(decompressSnappy(bytes)),
};

/** The header of snappy-java's framing, which Java producers write: magic, version, lowest compatible version. */
const XERIAL_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const XERIAL_HEADER_BYTES = 16;

/** Snappy as producers write it: bare, or as snappy-java's blocks, each behind its big-endian length. */
function decompressSnappy(bytes: Uint8Array): Buffer {
  if (!XERIAL_MAGIC.every((byte, i) => bytes[i] === byte)) {
    return Buffer.from(SnappyJS.uncompress(bytes));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Uint8Array[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const length = view.getUint32(at);
    blocks.push(SnappyJS.uncompress(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}
