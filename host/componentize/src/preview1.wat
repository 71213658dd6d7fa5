;; WASI preview 1 for plugins, with nothing of WASI behind it.
;;
;; The runtimes of Go and of C import `wasi_snapshot_preview1`. This module answers them without files, sockets,
;; environment, a moving clock or true randomness, as the contract has it, so that the component imports the contract's
;; `log` and nothing else. What a plugin writes to stdout and stderr becomes log lines: that is how a stack trace, with file
;; and line, reaches the host's log.
;;
;; Linked as an adapter, it shares the plugin's memory and has none of its own: no stack, no data segments, and no calls to
;; the plugin's allocator, which may be in the middle of something (Go's garbage collector is). The first line that is
;; written, or a runtime that asks for its arguments when it starts, gets it one page of memory for lines. Runtimes take
;; that well: each asks `memory.grow` where its own new pages are.
(module
  (import "spanmill:plugin/log@0.1.0" "log" (func $log (param $level i32) (param $text i32) (param $length i32)))
  (import "env" "memory" (memory 0))

  ;; Where the page for lines is: 0 not asked for yet, -1 there is none to be had. In it are the line of stderr that has
  ;; not ended yet, and from 4096 on the one of stdout.
  (global $page (mut i32) (i32.const 0))
  (global $stderr_length (mut i32) (i32.const 0))
  (global $stdout_length (mut i32) (i32.const 0))
  ;; Whether stderr tells why the runtime gives up. Its lines are then put together into few log lines, since the host
  ;; keeps ten a second: the first one goes alone, and then more and more at once, since what is left when the runtime
  ;; traps is lost. So many bytes go with the next one.
  (global $dying (mut i32) (i32.const 0))
  (global $dying_bytes (mut i32) (i32.const 0))
  (global $random (mut i64) (i64.const 0x7370616e6d696c6c))

  ;; -- lines ------------------------------------------------------------------------------------------------------

  (func $lines (result i32)
    (local $grown i32)
    (if (i32.eqz (global.get $page))
      (then
        (local.set $grown (memory.grow (i32.const 1)))
        (global.set $page
          (select (i32.const -1) (i32.shl (local.get $grown) (i32.const 16)) (i32.lt_s (local.get $grown) (i32.const 0))))))
    (global.get $page))

  ;; Whether the bytes from $at on, in number $count, all continue a character of UTF-8.
  (func $continues (param $at i32) (param $count i32) (result i32)
    (block $no
      (loop $next
        (if (i32.eqz (local.get $count)) (then (return (i32.const 1))))
        (br_if $no (i32.ne (i32.and (i32.load8_u (local.get $at)) (i32.const 0xc0)) (i32.const 0x80)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; The length of the character of UTF-8 at $at, before $end; 0 if there is none.
  (func $character (param $at i32) (param $end i32) (result i32)
    (local $lead i32) (local $second i32) (local $more i32)
    (local.set $lead (i32.load8_u (local.get $at)))
    (if (i32.lt_u (local.get $lead) (i32.const 0x80)) (then (return (i32.const 1))))
    (if (i32.or (i32.lt_u (local.get $lead) (i32.const 0xc2)) (i32.gt_u (local.get $lead) (i32.const 0xf4)))
      (then (return (i32.const 0))))
    (local.set $more
      (i32.add (i32.const 1)
        (i32.add (i32.ge_u (local.get $lead) (i32.const 0xe0)) (i32.ge_u (local.get $lead) (i32.const 0xf0)))))
    (if (i32.ge_u (i32.add (local.get $at) (local.get $more)) (local.get $end)) (then (return (i32.const 0))))
    (if (i32.eqz (call $continues (i32.add (local.get $at) (i32.const 1)) (local.get $more)))
      (then (return (i32.const 0))))
    ;; Too long, a surrogate, or beyond the last character.
    (local.set $second (i32.load8_u offset=1 (local.get $at)))
    (if (i32.or
          (i32.or
            (i32.and (i32.eq (local.get $lead) (i32.const 0xe0)) (i32.lt_u (local.get $second) (i32.const 0xa0)))
            (i32.and (i32.eq (local.get $lead) (i32.const 0xed)) (i32.ge_u (local.get $second) (i32.const 0xa0))))
          (i32.or
            (i32.and (i32.eq (local.get $lead) (i32.const 0xf0)) (i32.lt_u (local.get $second) (i32.const 0x90)))
            (i32.and (i32.eq (local.get $lead) (i32.const 0xf4)) (i32.ge_u (local.get $second) (i32.const 0x90)))))
      (then (return (i32.const 0))))
    (i32.add (local.get $more) (i32.const 1)))

  ;; Puts a question mark in place of each byte that is no UTF-8: the host takes texts only.
  (func $clean (param $at i32) (param $end i32)
    (local $length i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $length (call $character (local.get $at) (local.get $end)))
        (if (i32.eqz (local.get $length))
          (then
            (i32.store8 (local.get $at) (i32.const 63))
            (local.set $length (i32.const 1))))
        (local.set $at (i32.add (local.get $at) (local.get $length)))
        (br $next))))

  (func $line_at (param $fd i32) (result i32)
    (i32.add (global.get $page) (select (i32.const 4096) (i32.const 0) (i32.eq (local.get $fd) (i32.const 1)))))

  (func $length_of (param $fd i32) (result i32)
    (select (global.get $stdout_length) (global.get $stderr_length) (i32.eq (local.get $fd) (i32.const 1))))

  (func $set_length (param $fd i32) (param $length i32)
    (if (i32.eq (local.get $fd) (i32.const 1))
      (then (global.set $stdout_length (local.get $length)))
      (else (global.set $stderr_length (local.get $length)))))

  ;; Sends what is there of a line on: stdout as info, stderr as a warning, last words as an error.
  (func $flush (param $fd i32)
    (local $at i32) (local $length i32)
    (local.set $length (call $length_of (local.get $fd)))
    (if (i32.eqz (local.get $length)) (then (return)))
    (local.set $at (call $line_at (local.get $fd)))
    (call $clean (local.get $at) (i32.add (local.get $at) (local.get $length)))
    (call $set_length (local.get $fd) (i32.const 0))
    (call $log
      (select (i32.const 1)
        (i32.add (i32.const 2) (global.get $dying))
        (i32.eq (local.get $fd) (i32.const 1)))
      (local.get $at) (local.get $length)))

  (func $put (param $fd i32) (param $byte i32)
    (local $length i32)
    (local.set $length (call $length_of (local.get $fd)))
    (i32.store8 (i32.add (call $line_at (local.get $fd)) (local.get $length)) (local.get $byte))
    (local.set $length (i32.add (local.get $length) (i32.const 1)))
    (call $set_length (local.get $fd) (local.get $length))
    ;; The host keeps 2 KiB of a line.
    (if (i32.ge_u (local.get $length) (i32.const 2048)) (then (call $flush (local.get $fd)))))

  ;; Whether the line of stderr begins like the last words of Go's runtime: `panic: `, `fatal error: ` or `runtime: `.
  (func $is_dying (result i32)
    (local $begin i64)
    (if (i32.lt_u (global.get $stderr_length) (i32.const 8)) (then (return (i32.const 0))))
    (local.set $begin (i64.load align=1 (global.get $page)))
    (i32.or
      (i64.eq (local.get $begin) (i64.const 0x7265206c61746166)) ;; "fatal er"
      (i32.or
        (i64.eq (local.get $begin) (i64.const 0x3a656d69746e7572)) ;; "runtime:"
        (i64.eq (i64.and (local.get $begin) (i64.const 0xffffffffffffff)) (i64.const 0x203a63696e6170))))) ;; "panic: "

  (func $end_line (param $fd i32)
    (if (i32.and (i32.eq (local.get $fd) (i32.const 2)) (i32.eqz (global.get $dying)))
      (then (global.set $dying (call $is_dying))))
    (if (i32.and (i32.eq (local.get $fd) (i32.const 2)) (global.get $dying))
      (then
        (if (i32.eqz (global.get $stderr_length)) (then (return)))
        (call $put (local.get $fd) (i32.const 10))
        (if (i32.gt_u (global.get $stderr_length) (global.get $dying_bytes))
          (then
            (call $flush (local.get $fd))
            (global.set $dying_bytes (i32.add (i32.shl (global.get $dying_bytes) (i32.const 1)) (i32.const 200)))
            (if (i32.gt_u (global.get $dying_bytes) (i32.const 1800)) (then (global.set $dying_bytes (i32.const 1800)))))))
      (else (call $flush (local.get $fd)))))

  (func $write (param $fd i32) (param $at i32) (param $length i32)
    (local $end i32) (local $byte i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (if (i32.eq (local.get $byte) (i32.const 10))
          (then (call $end_line (local.get $fd)))
          (else (call $put (local.get $fd) (local.get $byte))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))

  (func (export "fd_write") (param $fd i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)
    (local $total i32) (local $length i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 8)))) ;; EBADF
    (drop (call $lines))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $length (i32.load offset=4 align=1 (local.get $vectors)))
        ;; Without memory for lines nothing can be told any more.
        (if (i32.ne (global.get $page) (i32.const -1))
          (then (call $write (local.get $fd) (i32.load align=1 (local.get $vectors)) (local.get $length))))
        (local.set $total (i32.add (local.get $total) (local.get $length)))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store align=1 (local.get $written) (local.get $total))
    (i32.const 0))

  (func (export "proc_exit") (param $code i32)
    (call $flush (i32.const 1))
    (call $flush (i32.const 2))
    (unreachable))

  (func (export "proc_raise") (param $signal i32) (result i32)
    (call $flush (i32.const 1))
    (call $flush (i32.const 2))
    (unreachable))

  ;; -- clocks, random numbers, waiting ----------------------------------------------------------------------------

  ;; The contract's clocks: 2020-01-01T00:00:00Z, and one second.
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (i64.store align=1 (local.get $time)
      (select (i64.const 1577836800000000000) (i64.const 1000000000) (i32.eqz (local.get $clock))))
    (i32.const 0))

  (func (export "clock_res_get") (param $clock i32) (param $resolution i32) (result i32)
    (i64.store align=1 (local.get $resolution) (i64.const 1))
    (i32.const 0))

  ;; The same numbers for every instance: SplitMix64.
  (func $next_random (result i64)
    (local $word i64)
    (global.set $random (i64.add (global.get $random) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $word (global.get $random))
    (local.set $word
      (i64.mul (i64.xor (local.get $word) (i64.shr_u (local.get $word) (i64.const 30))) (i64.const 0xbf58476d1ce4e5b9)))
    (local.set $word
      (i64.mul (i64.xor (local.get $word) (i64.shr_u (local.get $word) (i64.const 27))) (i64.const 0x94d049bb133111eb)))
    (i64.xor (local.get $word) (i64.shr_u (local.get $word) (i64.const 31))))

  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (i32.store8 (local.get $at) (i32.wrap_i64 (call $next_random)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; Whatever is waited for has happened. A subscription has 48 bytes, its user data first and the kind of event at 8;
  ;; an event has 32: user data, error, kind.
  (func (export "poll_oneoff") (param $subscriptions i32) (param $events i32) (param $count i32) (param $happened i32) (result i32)
    (i32.store align=1 (local.get $happened) (local.get $count))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (i64.store align=1 (local.get $events) (i64.load align=1 (local.get $subscriptions)))
        (i64.store offset=8 align=1 (local.get $events)
          (i64.shl (i64.load8_u offset=8 (local.get $subscriptions)) (i64.const 16)))
        (i64.store offset=16 align=1 (local.get $events) (i64.const 0))
        (i64.store offset=24 align=1 (local.get $events) (i64.const 0))
        (local.set $subscriptions (i32.add (local.get $subscriptions) (i32.const 48)))
        (local.set $events (i32.add (local.get $events) (i32.const 32)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; -- no arguments, no environment -------------------------------------------------------------------------------

  (func $none (param $count i32) (param $bytes i32) (result i32)
    (drop (call $lines))
    (i32.store align=1 (local.get $count) (i32.const 0))
    (i32.store align=1 (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))

  (func $nothing (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))

  ;; -- no files but the three that every process has --------------------------------------------------------------

  ;; stdin is at its end.
  (func (export "fd_read") (param $fd i32) (param $vectors i32) (param $count i32) (param $read i32) (result i32)
    (if (local.get $fd) (then (return (i32.const 8))))
    (i32.store align=1 (local.get $read) (i32.const 0))
    (i32.const 0))

  ;; The three are character devices, which may be read from or written to.
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store align=1 (local.get $stat) (i64.const 2))
    (i64.store offset=8 align=1 (local.get $stat)
      (select (i64.const 0x40) (i64.const 0x02) (local.get $fd)))
    (i64.store offset=16 align=1 (local.get $stat) (i64.const 0))
    (i32.const 0))

  (func (export "fd_filestat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (memory.fill (local.get $stat) (i32.const 0) (i32.const 64))
    (i32.store8 offset=16 (local.get $stat) (i32.const 2))
    (i32.const 0))

  (func $known (param $fd i32) (result i32)
    (select (i32.const 8) (i32.const 0) (i32.gt_u (local.get $fd) (i32.const 2))))
  (export "fd_close" (func $known))
  (export "fd_sync" (func $known))
  (export "fd_datasync" (func $known))
  (func (export "fd_fdstat_set_flags") (param $fd i32) (param $flags i32) (result i32)
    (call $known (local.get $fd)))

  ;; A pipe has no places. ESPIPE; EBADF for others.
  (func (export "fd_seek") (param $fd i32) (param i64 i32 i32) (result i32)
    (select (i32.const 8) (i32.const 70) (i32.gt_u (local.get $fd) (i32.const 2))))
  (func (export "fd_tell") (param $fd i32) (param i32) (result i32)
    (select (i32.const 8) (i32.const 70) (i32.gt_u (local.get $fd) (i32.const 2))))

  ;; There is no other descriptor, and no folder was opened in advance: EBADF.
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func $positioned (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (export "fd_pread" (func $positioned))
  (export "fd_pwrite" (func $positioned))
  (export "fd_readdir" (func $positioned))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func $in_folder (param i32 i32 i32) (result i32) (i32.const 8))
  (export "path_create_directory" (func $in_folder))
  (export "path_remove_directory" (func $in_folder))
  (export "path_unlink_file" (func $in_folder))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func $two_paths (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (export "path_readlink" (func $two_paths))
  (export "path_rename" (func $two_paths))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))

  ;; There are no sockets: ENOSYS.
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 52)))
