import { Buffer } from "node:buffer";

/** Reads the integers of a broker's answer, one after the other (kafka.apache.org/protocol, "Protocol Primitive Types"). */
export class AnswerFields {
  protected readonly bytes: Buffer;
  /** Where the next field begins. */
  protected at = 0;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.bytes = Buffer.from(buffer, byteOffset, byteLength);
  }

  int16(): number {
    this.at += 2;
    return this.bytes.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  int64(): bigint {
    this.at += 8;
    return this.bytes.readBigInt64BE(this.at - 8);
  }
}
