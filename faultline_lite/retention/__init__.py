"""What the store lets go, so that it stays bounded.

``passes`` goes through the limits of the configuration, ``room`` holds those of the file and of the
disk; ``thinning`` chooses, ``erasing`` deletes in small steps, ``forecast`` says what would go.
"""
