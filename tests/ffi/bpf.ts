/** Runs a seccomp filter as the kernel would: the few instructions of classic BPF that our compiler emits, and no others. */

/** struct seccomp_data, with the low 32 bits of each argument; the high ones are given as well, to show that none decides. */
export interface Call {
  readonly number: number;
  readonly architecture: number;
  readonly args: readonly bigint[];
}

function seccompData({ number, architecture, args }: Call): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, number, true);
  view.setUint32(4, architecture, true);
  args.forEach((argument, i) => view.setBigUint64(16 + 8 * i, argument, true));
  return view;
}

/** The verdict of the first return, and how many instructions it took. Throws RangeError for a program the kernel would refuse. */
export function runFilter(
  program: Uint8Array<ArrayBuffer>,
  call: Call,
): { verdict: number; steps: number } {
  const code = new DataView(program.buffer, program.byteOffset, program.length);
  const data = seccompData(call);
  let accumulator = 0;
  let at = 0;
  for (let steps = 1;; steps++) {
    const k = code.getUint32(at + 4, true);
    const jump = (holds: boolean): number => 8 * code.getUint8(at + (holds ? 2 : 3));
    switch (code.getUint16(at, true)) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS
        accumulator = data.getUint32(k, true);
        break;
      case 0x05: // BPF_JMP | BPF_JA
        at += 8 * k;
        break;
      case 0x15: // BPF_JMP | BPF_JEQ | BPF_K
        at += jump(accumulator === k);
        break;
      case 0x35: // BPF_JMP | BPF_JGE | BPF_K
        at += jump(accumulator >= k);
        break;
      case 0x45: // BPF_JMP | BPF_JSET | BPF_K
        at += jump((accumulator & k) !== 0);
        break;
      case 0x06: // BPF_RET | BPF_K
        return { verdict: k, steps };
      default:
        throw new RangeError(`instruction ${code.getUint16(at, true)} at ${at / 8}`);
    }
    at += 8;
  }
}
