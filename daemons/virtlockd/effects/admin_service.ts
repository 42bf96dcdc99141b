/** The admin service: what virt-admin may see and change, and the connections it comes by. */
import { Errno, strerror } from "../../../ffi/errno.ts";
import { workingDirectory } from "../../../ffi/process.ts";
import { currentFilters, currentOutputs, reconfigureLogging } from "../../../src/host/log.ts";
import type { LogOutput } from "../../../src/host/log_types.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import {
  type ByteString,
  fromReversibleText,
  fromText,
  toReversibleText,
} from "../../../src/wire/bytes.ts";
import type { Header, RpcError } from "../../../src/wire/rpc.ts";
import type { XdrReader } from "../../../src/wire/xdr.ts";
import { answerAdmin } from "../admin.ts";
import { ADMIN_FRAME_KEEP_BYTES, ADMIN_PROGRAM, ADMIN_VERSION } from "../admin_protocol.ts";
import type { AdminServer, AdminTarget, LogSetting } from "../admin_target.ts";
import { FROM_NONE, invalidArgument, systemError } from "../errors.ts";
import {
  LogSettingError,
  parseFilters,
  parseOutputs,
  printFilters,
  printOutputs,
} from "../log_settings.ts";
import { type Answer, type Connection, writer } from "./connection.ts";
import { type Accepted, ServedClient } from "./server.ts";

/** One client of the admin service. */
export class AdminServiceClient extends ServedClient {
  readonly program = ADMIN_PROGRAM;
  readonly version = ADMIN_VERSION;
  readonly keepBytes = ADMIN_FRAME_KEEP_BYTES;

  constructor(
    private readonly target: AdminTarget,
    private readonly left: (client: AdminServiceClient) => void,
    reactor: Reactor,
    accepted: Accepted,
  ) {
    super(reactor, accepted);
  }

  override call(connection: Connection, header: Header, reader: XdrReader): Answer {
    const answer = answerAdmin(header, reader, writer, this.target, this);
    if (answer !== "close") connection.sendWritten();
    if (answer !== "reply") connection.stream.closeAfterOutput();
    return "answered";
  }

  override closed(): void {
    this.left(this);
  }

  override mayDrop(): boolean {
    return true;
  }
}

/** The daemon as the admin program sees it. */
export class AdminView implements AdminTarget {
  constructor(
    private readonly listServers: () => readonly (AdminServer & { readonly name: ByteString })[],
    private readonly defaultOutput: LogOutput,
    /** Ends the daemon after so many idle seconds; 0 for never. */
    readonly setIdleTimeout: (seconds: number) => void,
  ) {}

  get servers(): ReadonlyMap<ByteString, AdminServer> {
    return new Map(this.listServers().map((server) => [server.name, server]));
  }

  logOutputs(): LogSetting {
    const outputs = currentOutputs();
    return { setting: fromReversibleText(printOutputs(outputs)), count: outputs.length };
  }

  logFilters(): LogSetting {
    const filters = currentFilters();
    return { setting: fromReversibleText(printFilters(filters)), count: filters.length };
  }

  setLogOutputs(setting: ByteString): RpcError | undefined {
    return refusalOf(() => {
      const outputs = parseOutputs(toReversibleText(setting), workingDirectory());
      reconfigureLogging({ outputs: outputs.length > 0 ? outputs : [this.defaultOutput] });
    });
  }

  setLogFilters(setting: ByteString): RpcError | undefined {
    return refusalOf(() =>
      reconfigureLogging({ filters: parseFilters(toReversibleText(setting)) })
    );
  }
}

/** Runs a change of the log settings; what it throws becomes an answer. */
function refusalOf(change: () => void): RpcError | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    if (error instanceof LogSettingError) {
      return invalidArgument(FROM_NONE, fromReversibleText(error.message));
    }
    if (!(error instanceof Errno)) throw error;
    const what = fromText(`failed to open ${error.subject ?? "the log"}`);
    return systemError(FROM_NONE, error.code, what, strerror(error.code));
  }
}
