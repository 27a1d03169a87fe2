// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// Something that happened to a watched folder or to an entry of it; see inotify(7).
struct WatchEvent {
  /// The number that ``WatchQueue/add(_:)`` gave; -1 when events were lost.
  let watch: CInt
  let mask: UInt32
  /// The entry that it is about; nil for the folder itself.
  let name: FilePath.Component?

  /// Whether any of these bits is set.
  func has(_ bits: CInt...) -> Bool { bits.contains { mask & UInt32(bitPattern: $0) != 0 } }
}

/// Where a watcher learns what happens: the kernel, or a test that makes it forgetful.
///
/// ``wake()`` may be called on any thread, all else is one thread's.
protocol WatchQueue: AnyObject, Sendable {
  /// Watches a folder, not what is below.
  ///
  /// - Returns: a number for it; the one it has when it is watched already.
  func add(_ folder: FilePath) throws(Errno) -> CInt
  /// Ends a watch. Harmless when it has ended.
  func remove(_ watch: CInt)
  /// Ends all watches and forgets all events.
  func reset()
  /// Waits for events; gives none when the deadline comes, or after ``wake()``.
  func events(until deadline: ContinuousClock.Instant?) -> [WatchEvent]
  /// Ends a wait, the next one when there is none now.
  func wake()
}

/// The kernel's queue.
final class Inotify: WatchQueue {
  /// Nothing else: neither reading a file nor changing its attributes is told. Of new files only folders and hard links
  /// matter: others are told when they are closed.
  private static let mask = UInt32(
    IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
      | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)

  /// -1, with the reason, while there is none.
  private let queue: Atomic<CInt>
  private let failure: Atomic<CInt>
  /// A pipe whose one end is written to wake who waits at the other.
  private let wakeUp: (read: FileDescriptor, write: FileDescriptor)

  /// - Throws: `Errno` when there are no descriptors left. Where only inotify is refused, every ``add(_:)`` throws.
  init() throws(Errno) {
    do {
      let ends = try FileDescriptor.pipe(options: [.closeOnExec, .nonBlocking])
      wakeUp = (ends.readEnd, ends.writeEnd)
    } catch { throw error }
    queue = Atomic(-1)
    failure = Atomic(0)
    open()
  }

  deinit {
    close(queue.load(ordering: .relaxed))
    try? wakeUp.read.close()
    try? wakeUp.write.close()
  }

  private func open() {
    let descriptor = inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK))
    if descriptor < 0 { failure.store(errno, ordering: .relaxed) }
    queue.store(descriptor, ordering: .relaxed)
  }

  func add(_ folder: FilePath) throws(Errno) -> CInt {
    let descriptor = queue.load(ordering: .relaxed)
    guard descriptor >= 0 else { throw Errno(rawValue: failure.load(ordering: .relaxed)) }
    let watch = folder.withPlatformString { inotify_add_watch(descriptor, $0, Self.mask) }
    guard watch >= 0 else { throw Errno.lastError }
    return watch
  }

  func remove(_ watch: CInt) {
    inotify_rm_watch(queue.load(ordering: .relaxed), watch)
  }

  func reset() {
    close(queue.load(ordering: .relaxed))
    open()
  }

  func wake() {
    // A full pipe wakes as well.
    _ = try? wakeUp.write.writeAll([1])
  }

  func events(until deadline: ContinuousClock.Instant?) -> [WatchEvent] {
    var waits = [
      pollfd(fd: queue.load(ordering: .relaxed), events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeUp.read.rawValue, events: Int16(POLLIN), revents: 0),
    ]
    let count = poll(&waits, 2, Self.milliseconds(until: deadline))
    guard count > 0 else { return [] }
    if waits[1].revents != 0 {
      var bytes = [UInt8](repeating: 0, count: 64)
      while let got = try? bytes.withUnsafeMutableBytes({ try wakeUp.read.read(into: $0) }), got > 0 {}
    }
    guard waits[0].revents != 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let got = bytes.withUnsafeMutableBytes { read(waits[0].fd, $0.baseAddress, $0.count) }
    guard got > 0 else { return [] }
    return Self.parse(bytes[..<got])
  }

  /// Rounded up, so that the deadline is over afterwards.
  private static func milliseconds(until deadline: ContinuousClock.Instant?) -> CInt {
    guard let deadline else { return -1 }
    let left = deadline - ContinuousClock.now
    guard left > .zero else { return 0 }
    return CInt(clamping: Int64((left / .milliseconds(1)).rounded(.up)))
  }

  /// Takes apart what the kernel wrote: headers of 16 bytes, each before a name filled up with zeros.
  static func parse(_ bytes: ArraySlice<UInt8>) -> [WatchEvent] {
    var events: [WatchEvent] = []
    bytes.withUnsafeBytes { raw in
      var offset = 0
      while offset + 16 <= raw.count {
        let watch = raw.loadUnaligned(fromByteOffset: offset, as: CInt.self)
        let mask = raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        let length = Int(raw.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
        guard length <= raw.count - offset - 16 else { return }
        let name = raw[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }
        events.append(
          WatchEvent(
            watch: watch, mask: mask, name: name.isEmpty ? nil : FilePath(bytes: Array(name)).lastComponent))
        offset += 16 + length
      }
    }
    return events
  }
}
