"""What `doctor` looks at: whether this process is protected, how and why."""
