/** The command line of QEMU. */
import type { Cable } from "./network.ts";

export type Acceleration = "kvm" | "tcg";

/** A machine to be started. Paths may be relative to the folder that QEMU is started in. */
export interface Machine {
  readonly name: string;
  readonly acceleration: Acceleration;
  readonly image: string;
  readonly initramfs: string;
  readonly kernelArguments: readonly string[];
  readonly cpus: number;
  readonly memoryMiB: number;
  /** File that takes the console, or undefined for the terminal. */
  readonly console: string | undefined;
  /** Folder that is written by host and guests. */
  readonly share: string | undefined;
  readonly disks: readonly { readonly name: string; readonly path: string }[];
  readonly cables: readonly Cable[];
}

/** Arguments for qemu-system-x86_64. */
export function qemuArguments(machine: Machine): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-name", machine.name, "-machine", "q35", ...acceleration(machine.acceleration)],
    ...["-smp", String(machine.cpus), "-m", String(machine.memoryMiB)],
    ...["-kernel", machine.image, "-initrd", machine.initramfs],
    ...["-append", kernelCommandLine(machine)],
    ...consoleArguments(machine.console),
    ...sharedFolder("rig-root", "/", ",readonly=on,multidevs=remap"),
    ...machine.share === undefined ? [] : sharedFolder("rig-share", machine.share, ""),
    ...machine.disks.flatMap(({ name, path }) => diskArguments(name, path)),
    ...machine.cables.flatMap(cableArguments),
  ];
}

/**
 * `-cpu max` under TCG is all that QEMU can do, which compiled programs take for granted. But for what costs more there than it is
 * worth: with ERMS kernel and C library copy and clear memory byte by byte (`rep movsb`), each of which TCG goes through by itself, so
 * that a quarter of a guest's time went there; and SMAP ends a block of translated code at each access to user memory.
 */
function acceleration(kind: Acceleration): string[] {
  return kind === "kvm"
    ? ["-accel", "kvm", "-cpu", "host"]
    : ["-accel", "tcg,thread=multi", "-cpu", "max,erms=off,smap=off"];
}

/** COMMAND_LINE_SIZE of x86; the kernel cuts off what is longer. */
const KERNEL_LINE_BYTES = 2048;

/**
 * Warnings and worse go to the console, all else to kernel.log. A kernel that is in doubt stops at once, and QEMU with it. Not for a
 * timer that seems to stand still, though (no_timer_check): on a busy machine an emulated one does, for as long as nobody emulates it.
 */
function kernelCommandLine(machine: Machine): string {
  const always = [
    "console=ttyS0",
    "loglevel=5",
    "panic=-1",
    "oops=panic",
    "log_buf_len=4M",
    "mitigations=off",
    "tsc=reliable",
    "no_timer_check",
  ];
  const line = [...always, ...machine.kernelArguments].join(" ");
  if (line.length >= KERNEL_LINE_BYTES) throw new Error(`a kernel command line too long: ${line}`);
  return line;
}

function consoleArguments(file: string | undefined): string[] {
  const end = file === undefined
    ? "stdio,id=console,signal=off"
    : `file,id=console,path=${escaped(file)}`;
  return ["-chardev", end, "-serial", "chardev:console"];
}

function sharedFolder(tag: string, path: string, options: string): string[] {
  return [
    ...["-fsdev", `local,id=${tag},path=${escaped(path)},security_model=none${options}`],
    ...["-device", `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

/**
 * The host's page cache is common to all machines, so what one node has written the other reads; that a crash of the host
 * would lose it does not matter. No locks, for a disk may be shared.
 */
function diskArguments(name: string, path: string): string[] {
  const options = "format=raw,if=none,cache=unsafe,file.locking=off,discard=unmap";
  return [
    ...["-drive", `file=${escaped(path)},id=disk-${name},${options}`],
    ...["-device", `virtio-blk-pci,drive=disk-${name},serial=${name},share-rw=on`],
  ];
}

function cableArguments({ to, mac, local, remote }: Cable): string[] {
  const ends = `local.type=unix,local.path=${local},remote.type=unix,remote.path=${remote}`;
  return [
    ...["-netdev", `dgram,id=cable${to},${ends}`],
    ...["-device", `virtio-net-pci,netdev=cable${to},mac=${mac},romfile=`],
  ];
}

/** QEMU ends a value at a comma, unless there are two. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}
