"""Shows that each gate can fail, on defects planted in throwaway copies."""
